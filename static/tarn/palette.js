// The palette: Ctrl+K, a few letters, Enter. What was found is put in as text, never as markup.

const PAUSE = 150; // after the last letter, in milliseconds

const dialog = document.querySelector("#t-palette");
const input = dialog.querySelector("input[role=combobox]");
const list = dialog.querySelector("[role=listbox]");
const note = dialog.querySelector("[role=status]");
const form = dialog.querySelector("form");

let asked; // the question under way: a later one puts an end to it
let waiting;
let hits = [];
let pending = false; // what is on show answers an older question
let hasty = false; // Enter came before the answer

function element(tag, className, text = "") {
    const made = document.createElement(tag);
    made.className = className;
    made.textContent = text;
    return made;
}

// What the page offers besides: everything with a key and a label.
function actions(text) {
    const found = [...document.querySelectorAll("#main [data-key][data-key-label]")];
    return found
        .filter((one) => one.getClientRects().length > 0 && !one.disabled)
        .map((one) => ({ title: one.dataset.keyLabel, detail: one.dataset.key, icon: "keyboard", element: one }))
        .filter((hit) => hit.title.toLocaleLowerCase().includes(text.toLocaleLowerCase()));
}

function choose(index) {
    const options = list.querySelectorAll("[role=option]");
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    options[index]?.scrollIntoView({ block: "nearest" });
    if (options[index]) input.setAttribute("aria-activedescendant", options[index].id);
    else input.removeAttribute("aria-activedescendant");
}

const chosen = () =>
    [...list.querySelectorAll("[role=option]")].findIndex(
        (option) => option.getAttribute("aria-selected") === "true",
    );

function follow(hit) {
    if (hit === undefined) return;
    dialog.close();
    if (hit.organization) {
        form.elements.organization.value = hit.organization;
        form.requestSubmit();
    } else if (hit.element) {
        hit.element.click();
    } else {
        window.location.assign(hit.link);
    }
}

function option(hit) {
    const made = element("div", "t-palette__hit");
    made.id = `t-hit-${hits.length}`;
    made.setAttribute("role", "option");
    const icon = element("span", "material-symbols-outlined md-18", hit.icon);
    icon.setAttribute("aria-hidden", "true");
    made.append(icon, element("span", "t-palette__title", hit.title));
    made.append(element("span", "t-muted t-small", hit.detail));
    made.addEventListener("click", () => follow(hit));
    hits.push(hit);
    return made;
}

function show(groups) {
    hits = [];
    list.replaceChildren();
    groups.forEach((group, at) => {
        const title = element("div", "t-palette__group", group.title);
        const box = element("div", "");
        title.id = `t-group-${at}`;
        box.setAttribute("role", "group");
        box.setAttribute("aria-labelledby", title.id);
        box.append(title, ...group.hits.map(option));
        list.append(box);
    });
    note.textContent = hits.length === 0 ? dialog.dataset.none : "";
    choose(hits.length === 0 ? -1 : 0);
    pending = false;
    if (hasty) follow(hits[0]);
    hasty = false;
}

async function ask() {
    const text = input.value.trim();
    asked?.abort();
    const question = (asked = new AbortController());
    try {
        const address = `${dialog.dataset.source}?${new URLSearchParams({ q: text })}`;
        const answer = await fetch(address, { signal: question.signal });
        if (!answer.ok) throw new Error(answer.statusText);
        const { groups } = await answer.json();
        if (question.signal.aborted) return;
        const here = { title: dialog.dataset.here, hits: actions(text) };
        show(here.hits.length === 0 ? groups : [...groups, here]);
    } catch (error) {
        if (error.name === "AbortError") return;
        hasty = false;
        show([]);
        note.textContent = dialog.dataset.failed;
    }
}

function move(by) {
    if (hits.length > 0) choose((chosen() + by + hits.length) % hits.length);
}

const moves = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => {
        if (pending) hasty = true;
        else follow(hits[chosen()]);
    },
};

input.addEventListener("keydown", (event) => {
    if (event.isComposing || !(event.key in moves)) return;
    event.preventDefault();
    moves[event.key]();
});

input.addEventListener("input", () => {
    pending = true;
    hasty = false;
    asked?.abort();
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE);
});

// However it was opened: by key, by button.
new MutationObserver(() => {
    if (!dialog.open) return;
    input.value = "";
    input.focus();
    pending = true;
    ask();
}).observe(dialog, { attributeFilter: ["open"] });

document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else dialog.showModal();
});
