// Keys of the back office. A page names them in attributes: `data-key="e" data-key-label="Edit"`;
// two in a row are written "g c". The rows of a list are those of `[data-rows]`: each names its page
// in `data-row-href`, and has its checkbox. While somebody types, only keys with Ctrl count.

const PAUSE = 1200; // how long the first of two keys waits for the second, in milliseconds
// Saves and goes on to the next; where there is no next, it saves.
const AGAIN = "Ctrl+Enter";
const SILENT = ["button", "checkbox", "radio", "submit", "reset", "file", "range", "color"];

const off = () => document.body.classList.contains("t-keys-off");
const shown = (element) => element.getClientRects().length > 0;

function typing(target) {
    if (target.isContentEditable) return true;
    if (target.tagName === "INPUT") return !SILENT.includes(target.type);
    return target.tagName === "TEXTAREA" || target.tagName === "SELECT";
}

// What was pressed, as it stands in `data-key`.
function nameOf(event) {
    if (event.ctrlKey || event.metaKey) {
        return `Ctrl+${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
    }
    return event.key;
}

// An open dialog has the keys for itself.
const ground = () => [...document.querySelectorAll("dialog[open]")].at(-1) ?? document;

function bearer(name) {
    const found = ground().querySelectorAll(`[data-key="${CSS.escape(name)}"]`);
    return [...found].find(
        (one) => !one.disabled && (shown(one) || one.closest("#nav-sidebar") !== null),
    );
}

function press(element) {
    if (element.matches("input:not([type=button], [type=submit], [type=checkbox]), textarea, select")) {
        element.focus();
        element.select?.();
    } else {
        element.click();
    }
}

// --- Rows ---------------------------------------------------------------------------------------

const rows = () => [
    ...document.querySelectorAll("[data-rows] > [data-row-href], #result_list tbody tr"),
];

const current = () => rows().find((row) => row.getAttribute("aria-current") === "true");

function step(by) {
    const all = rows();
    if (all.length === 0) return false;
    const from = all.indexOf(current());
    const to = Math.min(Math.max(from + by, 0), all.length - 1);
    all[from]?.removeAttribute("aria-current");
    all[to].setAttribute("aria-current", "true");
    all[to].scrollIntoView({ block: "nearest" });
    return true;
}

function select() {
    const box = current()?.querySelector("[data-row-select], input.action-select");
    box?.click();
    return Boolean(box);
}

function open() {
    const row = current();
    const href = row?.dataset.rowHref ?? row?.querySelector("th a, td a")?.href;
    if (href) window.location.assign(href);
    return Boolean(href);
}

// --- What works on every page -------------------------------------------------------------------

const ofRows = { j: () => step(1), k: () => step(-1), x: select };

function search() {
    const field = document.querySelector("#searchbar");
    if (field === null) return false;
    press(field);
    return true;
}

function save() {
    const button = document.querySelector("[name=_save]");
    button?.click();
    return Boolean(button);
}

function help() {
    document.querySelector("#t-keys").showModal();
    return true;
}

const everywhere = { "/": search, "?": help, "Ctrl+s": save, ...ofRows };

// --- Listening ----------------------------------------------------------------------------------

let first = "";
let waiting;

function begin(name) {
    clearTimeout(waiting);
    first = name;
    waiting = setTimeout(() => (first = ""), PAUSE);
}

const begins = (name) => ground().querySelector(`[data-key^="${CSS.escape(name)} "]`) !== null;

function act(name) {
    const pair = first && `${first} ${name}`;
    const found = (pair && bearer(pair)) || bearer(name) || (name === AGAIN && bearer("Ctrl+s"));
    first = "";
    if (found) {
        press(found);
        return true;
    }
    if (ground() !== document) return false;
    return everywhere[name]?.() ?? false;
}

function leave(event) {
    const menu = document.querySelector("details[data-menu][open]");
    if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
    } else if (ground() === document && typing(event.target)) {
        event.target.blur();
    } else if (ground() === document) {
        const back = bearer("Escape");
        if (back) press(back);
    }
}

function heard(event) {
    const name = nameOf(event);
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    if (name === "Escape") {
        leave(event);
        return;
    }
    const single = !name.startsWith("Ctrl+");
    if (single && (off() || typing(event.target))) return;
    // On a link or button, Enter is theirs.
    if (name === "Enter") {
        if (event.target === document.body && ground() === document && open()) event.preventDefault();
        return;
    }
    if (event.repeat && !(name in ofRows)) return;
    if (act(name)) event.preventDefault();
    else if (single && begins(name)) begin(name);
}

document.addEventListener("keydown", heard);

// --- Dialogs and menus --------------------------------------------------------------------------

document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens).showModal();
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
    if (event.target.matches("dialog.t-dialog, dialog.t-sheet")) event.target.close(); // its backdrop
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        if (!menu.contains(event.target) || opener) menu.open = false;
    }
});

// --- The list of keys ---------------------------------------------------------------------------

function line(keys, label) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    term.textContent = label;
    row.dataset.keys = keys;
    row.append(term);
    return row;
}

function spell(row) {
    const value = document.createElement("dd");
    for (const key of row.dataset.keys.split(" ")) {
        const cap = document.createElement("kbd");
        cap.textContent = key.replace(/^Ctrl\+(.)$/, (_, one) => `Ctrl+${one.toUpperCase()}`);
        value.append(cap, " ");
    }
    row.append(value);
}

function listKeys() {
    const list = document.querySelector("#t-keys dl");
    if (list === null) return;
    const named = [...document.querySelectorAll("[data-key][data-key-label]")];
    const taken = new Set(named.map((one) => one.dataset.key));
    for (const row of [...list.children]) {
        const without =
            ("withRows" in row.dataset && rows().length === 0) ||
            ("withSave" in row.dataset && document.querySelector("[name=_save]") === null) ||
            (row.dataset.keys === "/" && document.querySelector("#searchbar") === null);
        if (without || taken.has(row.dataset.keys)) row.remove();
    }
    for (const one of named) {
        list.append(line(one.dataset.key, one.dataset.keyLabel));
        if (one.dataset.key === "Ctrl+s" && !taken.has(AGAIN)) {
            list.append(line(AGAIN, one.dataset.keyLabel));
        }
    }
    for (const row of list.children) spell(row);
}

listKeys();
