// Each button copies the text of the element that it names. Without JavaScript the text can be selected by hand.
"use strict";

for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    const source = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(source.textContent);
        } catch {
            // Without TLS there is no clipboard API; the older command copies the selection.
            getSelection().selectAllChildren(source);
            document.execCommand("copy");
        }
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = label; }, 2000);
    });
}
