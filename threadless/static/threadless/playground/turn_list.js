// All turns on the page.
import { element, part } from "./page.js";
import { TurnView } from "./turn_view.js";

export class TurnList {
    /** `handlers`: `changed` after each change, and `send` to send the results of tools. */
    constructor(conversation, handlers) {
        this.conversation = conversation;
        this.handlers = handlers;
        this.root = element("turns");
        this.views = new Map();
        for (const turn of conversation.turns) this.show(turn);
        this.arrange();
    }

    /** Adds a turn to the conversation and to the page; its view. */
    add(turn) {
        this.conversation.add(turn);
        const view = this.show(turn);
        this.arrange();
        this.handlers.changed();
        this.root.scrollTop = this.root.scrollHeight;
        return view;
    }

    show(turn) {
        const view = new TurnView(turn, {
            changed: this.handlers.changed,
            sendResults: this.handlers.send,
            remove: () => this.removeByHand(turn),
        });
        this.views.set(turn, view);
        this.root.append(view.root);
        return view;
    }

    removeByHand(turn) {
        const { root } = this.views.get(turn);
        const neighbor = root.nextElementSibling ?? root.previousElementSibling;
        this.remove(turn);
        (neighbor ? part(neighbor, "remove") : element("user")).focus();
    }

    remove(turn) {
        this.views.get(turn).root.remove();
        this.views.delete(turn);
        this.conversation.remove(turn);
        this.arrange();
        this.handlers.changed();
    }

    clear() {
        for (const turn of [...this.conversation.turns]) this.remove(turn);
    }

    arrange() {
        const { turns } = this.conversation;
        for (const [index, turn] of turns.entries()) this.views.get(turn).place(index + 1, index === turns.length - 1);
        element("empty").hidden = turns.length > 0;
    }

    /** Calls `change`, and stays at the end if the reader was there. */
    follow(change) {
        const isAtEnd = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 40;
        change();
        if (isAtEnd) this.root.scrollTop = this.root.scrollHeight;
    }
}
