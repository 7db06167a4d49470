// JSON values as literals of other languages.

/** JSON is a part of JavaScript. */
export function javaScriptOf(value) {
    return JSON.stringify(value, null, 2);
}

/** The arguments of a Python call, one on each line with its comma. */
export function pythonArguments(fields) {
    return Object.entries(fields).map(([name, value]) => `    ${name}=${pythonOf(value, 1)},`);
}

/** `depth`: how often the line is indented on which the value begins. */
export function pythonOf(value, depth = 0) {
    if (value === null) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (typeof value === "string") return quoted(value);
    if (typeof value !== "object") return JSON.stringify(value);
    const items = Array.isArray(value)
        ? value.map((item) => pythonOf(item, depth + 1))
        : Object.entries(value).map(([name, item]) => `${quoted(name)}: ${pythonOf(item, depth + 1)}`);
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    return open + spread(items, depth) + close;
}

/** The escapes of JSON are those of Python; half of a surrogate pair stays an escape in both. */
function quoted(words) {
    return JSON.stringify(words);
}

function spread(items, depth) {
    const line = items.join(", ");
    if (line.length < 80 && !line.includes("\n")) return line;
    const indent = "    ".repeat(depth + 1);
    return `\n${items.map((item) => `${indent}${item},\n`).join("")}${"    ".repeat(depth)}`;
}
