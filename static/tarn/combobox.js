// A select that can be searched: the select stays the field of the form, hidden behind a text box
// with a list (WAI-ARIA combobox, list autocomplete). Found by name or code, accents ignored.

const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const SHOWN_AT_ONCE = 60;

class Combobox {
    constructor(select, noMatch) {
        this.select = select;
        this.noMatch = noMatch;
        this.options = [...select.options].map((option) => ({
            value: option.value,
            text: option.text,
            sought: ` ${plain(option.text)} ${option.value.toLowerCase()}`.replace(/[-/(_]/g, " "),
        }));
        this.make();
        this.show();
        this.listen();
    }

    make() {
        const select = this.select;
        this.box = document.createElement("div");
        this.box.className = "e-combobox";
        this.input = document.createElement("input");
        Object.assign(this.input, { type: "text", autocomplete: "off", spellcheck: false });
        this.input.id = select.id;
        this.input.className = select.className;
        select.removeAttribute("id");
        this.list = document.createElement("ul");
        this.list.id = `${this.input.id}_list`;
        this.list.hidden = true;
        const attributes = {
            role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
            "aria-controls": this.list.id,
        };
        for (const name of ["aria-describedby", "aria-invalid"])
            if (select.hasAttribute(name)) attributes[name] = select.getAttribute(name);
        for (const [name, value] of Object.entries(attributes)) this.input.setAttribute(name, value);
        this.list.setAttribute("role", "listbox");
        const label = document.querySelector(`label[for="${this.input.id}"]`);
        const words = label?.querySelector("[data-label]") ?? label;
        this.list.setAttribute("aria-label", words?.textContent.trim() ?? "");
        select.hidden = true;
        select.tabIndex = -1;
        select.setAttribute("aria-hidden", "true");
        select.before(this.box);
        this.box.append(this.input, this.list, select);
    }

    listen() {
        this.input.addEventListener("focus", () => this.input.select());
        this.input.addEventListener("click", () => this.open(""));
        this.input.addEventListener("input", () => this.open(this.input.value));
        this.input.addEventListener("keydown", (event) => this.key(event));
        this.input.addEventListener("blur", () => this.leave());
        this.list.addEventListener("mousedown", (event) => {
            event.preventDefault();
            const option = event.target.closest("[role=option]");
            if (option?.dataset.value !== undefined) this.choose(option.dataset.value);
        });
        this.select.addEventListener("tarn:set", () => this.show());
    }

    show() {
        this.input.value = this.select.selectedOptions[0]?.value ? this.select.selectedOptions[0].text : "";
        this.input.placeholder = this.options.find((one) => one.value === "")?.text ?? "";
    }

    matching(text) {
        const words = plain(text).replace(/[-/(_)]/g, " ").split(/\s+/).filter(Boolean);
        const found = this.options.filter((one) => words.every((word) => one.sought.includes(` ${word}`)));
        const code = text.trim().toLowerCase();
        return found.sort((a, b) => (b.value.toLowerCase() === code) - (a.value.toLowerCase() === code));
    }

    open(text) {
        const found = this.matching(text).slice(0, text ? SHOWN_AT_ONCE : undefined);
        this.list.replaceChildren(...found.map((one, n) => this.item(one, n)));
        if (found.length === 0) {
            const none = document.createElement("li");
            none.textContent = this.noMatch;
            none.className = "e-combobox__none";
            this.list.append(none);
        }
        this.list.hidden = false;
        this.input.setAttribute("aria-expanded", "true");
        const current = found.findIndex((one) => one.value === this.select.value);
        this.mark(text ? 0 : current);
    }

    item(one, n) {
        const item = document.createElement("li");
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", String(one.value === this.select.value));
        item.id = `${this.list.id}_${n}`;
        item.dataset.value = one.value;
        item.textContent = one.text;
        return item;
    }

    mark(n) {
        const items = [...this.list.querySelectorAll("[role=option]")];
        this.at = Math.max(-1, Math.min(n, items.length - 1));
        items.forEach((item, place) => item.classList.toggle("e-combobox__at", place === this.at));
        const item = items[this.at];
        if (item) {
            this.input.setAttribute("aria-activedescendant", item.id);
            item.scrollIntoView({ block: "nearest" });
        } else this.input.removeAttribute("aria-activedescendant");
    }

    key(event) {
        const isOpen = !this.list.hidden;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            if (!isOpen) this.open("");
            else this.mark(this.at + (event.key === "ArrowDown" ? 1 : -1));
        } else if (event.key === "Enter" && isOpen) {
            event.preventDefault();
            const item = this.list.querySelectorAll("[role=option]")[this.at];
            if (item) this.choose(item.dataset.value);
        } else if (event.key === "Escape" && isOpen) {
            event.preventDefault();
            event.stopPropagation();
            this.show();
            this.close();
        }
    }

    choose(value) {
        this.select.value = value;
        this.show();
        this.close();
        this.select.dispatchEvent(new Event("change", { bubbles: true }));
    }

    leave() {
        if (this.list.hidden) {
            this.show();
            return;
        }
        const typed = this.input.value.trim();
        const marked = this.list.querySelectorAll("[role=option]")[this.at];
        const isTyped = typed !== "" && typed !== (this.select.selectedOptions[0]?.text ?? "");
        if (typed === "" && this.options.some((one) => one.value === "")) {
            if (this.select.value !== "") this.choose("");
        } else if (isTyped && marked) this.choose(marked.dataset.value);
        this.show();
        this.close();
    }

    close() {
        this.list.hidden = true;
        this.input.setAttribute("aria-expanded", "false");
        this.input.removeAttribute("aria-activedescendant");
    }
}

export const makeComboboxes = (root, noMatch) => {
    for (const select of root.querySelectorAll("select[data-combobox]")) new Combobox(select, noMatch);
};
