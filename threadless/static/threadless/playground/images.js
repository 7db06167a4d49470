// Images of a turn: read from files, and shown. Other sites are not asked for an image; its address is a link.
import { copyOf, part, text } from "./page.js";

const TYPES = /^image\/(png|jpeg|gif|webp)$/;
const SIDE = 240;

/** The data URL of a file; null if it is no image that models read. */
export function readImage(file) {
    if (!TYPES.test(file.type)) return null;
    return new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(file);
    });
}

/** The address if it is one of the web, otherwise null. */
export function checkedAddress(words) {
    const url = URL.parse ? URL.parse(words) : parsed(words);
    return ["http:", "https:"].includes(url?.protocol) ? url.href : null;
}

function parsed(words) {
    try {
        return new URL(words);
    } catch {
        return null;
    }
}

/** An item of a list that shows the image. `remove`: what its button does; without it there is no button. */
export function showImage(address, index, remove = null) {
    const item = copyOf("image");
    const label = `${text("image")} ${index + 1}`;
    const isData = address.startsWith("data:");
    part(item, "canvas").hidden = !isData;
    part(item, "link").hidden = isData;
    part(item, "remove").hidden = !remove;
    if (remove) part(item, "remove").addEventListener("click", remove);
    part(item, "remove").setAttribute("aria-label", `${part(item, "remove").textContent}: ${label}`);
    if (isData) {
        part(item, "canvas").setAttribute("aria-label", label);
        draw(part(item, "canvas"), address);
    } else {
        Object.assign(part(item, "link"), { href: address, textContent: address });
    }
    return item;
}

/** On a canvas, because a strict content security policy allows no `data:` address in `<img>`. */
async function draw(canvas, address) {
    try {
        const bitmap = await createImageBitmap(blobOf(address));
        const scale = Math.min(1, SIDE / bitmap.width, SIDE / bitmap.height);
        canvas.width = Math.max(1, Math.round(bitmap.width * scale));
        canvas.height = Math.max(1, Math.round(bitmap.height * scale));
        canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    } catch {
        canvas.classList.add("tl-broken");  // the model may still be able to read it
    }
}

function blobOf(address) {
    const [head, data] = address.split(",");
    return new Blob([Uint8Array.from(atob(data), (character) => character.charCodeAt(0))], { type: head.slice(5).split(";")[0] });
}
