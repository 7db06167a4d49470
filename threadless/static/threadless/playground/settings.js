// The settings beside the conversation: model, parameters, format of the answer, tools.
import { text } from "./page.js";

const NUMBERS = ["temperature", "top_p", "max_completion_tokens", "seed"];

/** The fields of the request, and what is wrong with the form: `{ fields, problems: [{ field, words }] }`. */
export function readSettings(form) {
    const found = { fields: { model: form.elements.model.value }, problems: [] };
    readNumbers(form, found);
    readStop(form, found);
    if (form.elements.reasoning_effort.value) found.fields.reasoning_effort = form.elements.reasoning_effort.value;
    readFormat(form, found);
    readTools(form, found);
    if (form.elements.stream.checked) Object.assign(found.fields, { stream: true, stream_options: { include_usage: true } });
    return found;
}

function readNumbers(form, { fields, problems }) {
    for (const name of NUMBERS) {
        const field = form.elements[name];
        if (!field.validity.valid) problems.push({ field, words: field.validationMessage });
        else if (field.value) fields[name] = Number(field.value);
    }
}

/** One sequence in each line; the two characters \n are a line break. */
function readStop(form, { fields }) {
    const sequences = form.elements.stop.value.split("\n").filter(Boolean).map((each) => each.replaceAll("\\n", "\n"));
    if (sequences.length) fields.stop = sequences;
}

function readFormat(form, found) {
    const type = form.elements.response_format.value;
    if (type === "json_object") found.fields.response_format = { type };
    if (type !== "json_schema") return;
    const schema = readJSON(form.elements.schema, isObject, text("notObject"), found);
    if (schema) found.fields.response_format = { type, json_schema: named(schema) };
}

/** The field may have the schema alone, or the whole object with its name. */
function named(schema) {
    const isWhole = typeof schema.name === "string" && isObject(schema.schema);
    return isWhole ? schema : { name: "answer", schema };
}

function readTools(form, found) {
    if (!form.elements.tools.value.trim()) return;
    const tools = readJSON(form.elements.tools, isTools, text("notTools"), found);
    if (!tools) return;
    if (tools.length) found.fields.tools = tools;
    const choice = form.elements.tool_choice.value;
    if (choice && tools.length) found.fields.tool_choice = choice;
}

function readJSON(field, isRight, otherwise, { problems }) {
    try {
        const value = JSON.parse(field.value);
        if (isRight(value)) return value;
        problems.push({ field, words: otherwise });
    } catch (error) {
        problems.push({ field, words: `${text("notJson")} ${error.message}` });
    }
    return null;
}

function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTools(value) {
    return Array.isArray(value) && value.every((each) => isObject(each) && typeof each.type === "string");
}

/** What the draft keeps of the form, by the name of the field. */
export function valuesOf(form) {
    const fields = [...form.elements].filter((field) => field.name);
    return Object.fromEntries(fields.map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
}

/** Fills the form. A model that is gone leaves the first one. */
export function fill(form, values) {
    for (const [name, value] of Object.entries(values)) {
        const field = form.elements[name];
        if (!field) continue;
        if (field.type === "checkbox") field.checked = value;
        else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
    }
}
