// The field for the next message, with its images.
import { checkedAddress, readImage, showImage } from "./images.js";
import { element, refuse, text } from "./page.js";

export class Composer {
    /** `hasRoomFor`: true if an image with this address fits into the request; `changed`: called after each change. */
    constructor({ hasRoomFor, changed }) {
        this.images = [];
        this.hasRoomFor = hasRoomFor;
        this.changed = changed;
        this.field = element("user");
        this.field.addEventListener("input", changed);
        this.field.addEventListener("paste", (event) => this.addFiles(event.clipboardData.files));
        element("file").addEventListener("change", ({ target }) => this.addChosen(target));
        element("add-url").addEventListener("click", () => this.addAddress());
        element("image-url").addEventListener("keydown", (event) => {
            if (event.key !== "Enter") return;
            event.preventDefault();  // it would send the form
            this.addAddress();
        });
    }

    get content() {
        return { text: this.field.value, images: this.images };
    }

    set content({ text: words, images }) {
        this.field.value = words;
        this.images = images;
        this.showImages();
    }

    get isEmpty() {
        return !this.field.value.trim() && !this.images.length;
    }

    /** The turn that has been written. The field is empty afterwards. */
    take() {
        const turn = { role: "user", ...this.content };
        this.content = { text: "", images: [] };
        return turn;
    }

    async addChosen(input) {
        await this.addFiles(input.files);
        input.value = "";  // the same file can be chosen again
    }

    async addFiles(files) {
        for (const file of files) {
            const address = await readImage(file);
            if (address) this.add(address, element("file"));
            else refuse(element("file"), text("notImage"));
        }
    }

    addAddress() {
        const field = element("image-url");
        const address = checkedAddress(field.value.trim());
        if (!address) return refuse(field, text("notAddress"));
        field.value = "";
        this.add(address, field);
    }

    add(address, field) {
        if (!this.hasRoomFor(address)) return refuse(field, text("tooLarge"));
        this.images = [...this.images, address];
        this.showImages();
        this.changed();
    }

    remove(index) {
        this.images = this.images.filter((_, place) => place !== index);
        this.showImages();
        this.changed();
        this.field.focus();
    }

    showImages() {
        const items = this.images.map((address, index) => showImage(address, index, () => this.remove(index)));
        element("images").replaceChildren(...items);
        element("images").hidden = !items.length;
    }
}
