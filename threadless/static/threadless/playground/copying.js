// Buttons that copy a text.

/** `source`: gives the text when the button is pressed. The button shows its `data-done` for two seconds. */
export function startCopying(button, source) {
    const label = button.textContent;
    button.addEventListener("click", async () => {
        await copy(source());
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = label; }, 2000);
    });
}

async function copy(words) {
    try {
        await navigator.clipboard.writeText(words);
    } catch {
        copyByCommand(words);
    }
}

/** Without TLS there is no clipboard API; the older command copies the selection. */
function copyByCommand(words) {
    const focused = document.activeElement;
    const field = document.createElement("textarea");
    field.className = "tl-hidden";
    field.value = words;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    focused?.focus();
}
