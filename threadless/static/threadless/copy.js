// Copies the text of the element that a button names. Without this file the text can still be selected by hand.
"use strict";

for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    const source = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(source.textContent);
        } catch {
            // Pages without TLS have no clipboard; the old way wants a selection.
            getSelection().selectAllChildren(source);
            document.execCommand("copy");
        }
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = label; }, 2000);
    });
}
