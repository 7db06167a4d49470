// The parts and the texts of the page. All texts come from the template, where they are translated.

export const element = (name) => document.getElementById(`tl-${name}`);

/** A text of the template by the name of its data attribute. */
export const text = (name) => element("playground").dataset[name];

/** A copy of the first element of a `<template>`. */
export const copyOf = (name) => element(`template-${name}`).content.firstElementChild.cloneNode(true);

/** The element with this name within a copy. */
export const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

/** Says what goes on, also to screen readers. */
export function note(words) {
    element("note").textContent = words;
}

/** Shows a failure. `facts`: a list of short texts, such as the status and the request ID. */
export function showFailure(words, facts = [], mustSignIn = false) {
    const box = element("error");
    part(box, "message").textContent = words;
    part(box, "facts").textContent = facts.filter(Boolean).join(" · ");
    part(box, "sign-in").hidden = !mustSignIn || !part(box, "sign-in").getAttribute("href");
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
}

export function hideFailure() {
    element("error").hidden = true;
}

/** Marks a field as wrong, says why below it, and moves the focus to it. */
export function refuse(field, words) {
    for (let holder = field.closest("details"); holder; holder = holder.parentElement.closest("details")) holder.open = true;
    const place = document.getElementById(field.getAttribute("aria-describedby").split(" ").at(-1));
    place.textContent = words;
    place.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.focus();
    field.addEventListener("input", () => accept(field, place), { once: true });
}

function accept(field, place) {
    place.hidden = true;
    field.removeAttribute("aria-invalid");
}
