// The draft survives a reload: it is kept in this tab, never on the server, and only for the reader who wrote it.

const KEY = "threadless-playground";

export class Draft {
    /** `owner`: the id of the reader. Somebody else who signs in later in this tab must not see the draft. */
    constructor(owner) {
        this.owner = owner;
    }

    load() {
        try {
            const kept = JSON.parse(sessionStorage.getItem(KEY));
            return kept?.owner === this.owner ? kept.content : null;
        } catch {
            return null;
        }
    }

    /** False if the browser has no room for it, for example because of large images. */
    save(content) {
        try {
            sessionStorage.setItem(KEY, JSON.stringify({ owner: this.owner, content }));
            return true;
        } catch {
            this.clear();
            return false;
        }
    }

    clear() {
        try {
            sessionStorage.removeItem(KEY);
        } catch {
            // The browser keeps nothing, so there is nothing to remove.
        }
    }
}

/** Hands the request, a JSON text, to the page with the raw form. */
export function giveRaw(body) {
    try {
        sessionStorage.setItem(`${KEY}-raw`, body);
    } catch {
        // Without room for it, the form is empty.
    }
}

/** The request that the conversation passed to this page, or null. A second call returns null. */
export function takeRaw() {
    try {
        const body = sessionStorage.getItem(`${KEY}-raw`);
        sessionStorage.removeItem(`${KEY}-raw`);
        return body;
    } catch {
        return null;
    }
}
