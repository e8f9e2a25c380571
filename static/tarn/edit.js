// The form of a customer: marks what changed, follows the country, advises, and loses nothing.

import { makeComboboxes } from "./combobox.js";
import { differing, dropDraft, keepDraft, noteEditing, offerDraft, valuesOf } from "./drafts.js";

const form = document.querySelector("[data-edit]");
const words = form.dataset;
const find = (selector) => form.querySelector(selector);
const csrf = () => find("[name=csrfmiddlewaretoken]").value;
const later = (wait, act) => {
    let timer;
    return (...given) => {
        clearTimeout(timer);
        timer = setTimeout(act, wait, ...given);
    };
};

// --- What changed -------------------------------------------------------------------------------

const values = () => valuesOf(form);

// What the person saw: of a customer that is there from the server, of a new one what the empty form has.
const seenBefore = (() => {
    const seen = JSON.parse(find("[name=seen]").value || "{}");
    return words.customer ? seen : null;
})();
const start = seenBefore ?? values();

let changed = [];
const count = () => {
    changed = differing(values(), start);
    for (const field of form.querySelectorAll("[data-field]"))
        field.classList.toggle("e-field--changed", changed.includes(field.dataset.field));
    const text = changed.length === 0 ? words.none
        : changed.length === 1 ? words.one : words.many.replace("{count}", changed.length);
    if (find("[data-count]").textContent !== text) find("[data-count]").textContent = text;
};

const keep = later(300, () => {
    if (changed.length) keepDraft(form, changed);
    else dropDraft(form);
});

let leaving = false;
addEventListener("beforeunload", (event) => {
    if (!leaving && changed.length) event.preventDefault();
});

// --- The country --------------------------------------------------------------------------------

const forms = new Map();
const formOf = (country) => {
    if (!forms.has(country)) {
        const asked = fetch(`${words.country}?country=${encodeURIComponent(country)}`, { redirect: "error" })
            .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)));
        asked.catch(() => forms.delete(country));
        forms.set(country, asked);
    }
    return forms.get(country);
};

const speak = (name, label, hint, needed) => {
    const field = find(`[data-field="${name}"]`);
    if (!field) return;
    field.querySelector("[data-label]").textContent = label;
    if (hint !== undefined) field.querySelector("[data-hint]").textContent = hint;
    const mark = field.querySelector("[data-needed]");
    if (mark && needed !== undefined) mark.hidden = !needed;
};

const PARTS = ["address_line1", "address_line2", "zipcode", "city", "state"];
const followCountry = async (prefix) => {
    const country = find(`select[name=${prefix}country]`).value;
    let found;
    try {
        found = await formOf(country);
    } catch {
        return; // the labels stay those of before
    }
    if (find(`select[name=${prefix}country]`).value !== country) return;
    const needed = (part) => (prefix ? undefined : found.required.includes(part));
    const order = [...found.order.filter((part) => PARTS.includes(part)), ...PARTS.filter((part) => !found.order.includes(part))];
    for (const part of order) speak(prefix + part, found.labels[part], found.hints[part] ?? "", needed(part));
    // Tab follows the order of paper: the fields themselves move, unless somebody stands in one.
    const last = order.map((part) => find(`[data-field="${prefix + part}"]`));
    if (!last.some((field) => field.contains(document.activeElement))) last[0].parentElement.append(...last);
    if (!prefix) for (const [name, [label]] of Object.entries(found.numbers)) speak(name, label, found.hints[name] ?? "");
};
const followCountries = () => ["", "shipping_"].forEach(followCountry);

// --- Advice and duplicates ----------------------------------------------------------------------

let asking = null;
const ADVISED = ["tax_identification_number", "email", "phone", "zipcode", "shipping_zipcode", "country",
    "shipping_country", "name", "legal_name", "city"];
const ask = async () => {
    asking?.abort();
    asking = new AbortController();
    const now = values();
    const body = new FormData();
    body.set("csrfmiddlewaretoken", csrf());
    body.set("customer", words.customer);
    for (const name of ADVISED) body.set(name, now[name] ?? "");
    try {
        const answer = await fetch(words.advice, { method: "POST", body, signal: asking.signal, redirect: "error" });
        if (!answer.ok) return;
        const found = await answer.json();
        for (const field of form.querySelectorAll("[data-advice-text]")) {
            const name = field.closest("[data-field]").dataset.field;
            const text = found.advice[name] ?? "";
            if (ADVISED.includes(name) && field.textContent !== text) field.textContent = text;
        }
        const edited = new Set(changed.map((name) => (name === "legal_name" ? "name" : name)));
        showDuplicates(found.duplicates.filter((one) => one.reasons.some((reason) => edited.has(reason))));
    } catch {
        // Advice is extra: without an answer there is none.
    }
};
const askSoon = later(350, ask);

const showDuplicates = (found) => {
    const items = found.map((one) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        const rest = document.createElement("span");
        Object.assign(link, { className: "t-link", href: one.link, target: "_blank", textContent: one.name });
        rest.className = "t-muted";
        rest.textContent = ` ${[one.external_id, one.place, one.why].filter(Boolean).join(" · ")}`;
        item.append(link, rest);
        return item;
    });
    find("[data-duplicates-list]").replaceChildren(...items);
    find("[data-duplicates]").hidden = items.length === 0;
};

// --- Sending ------------------------------------------------------------------------------------

form.addEventListener("submit", () => {
    leaving = true;
});
addEventListener("pageshow", (event) => {
    if (event.persisted) leaving = false;
});

form.addEventListener("keydown", (event) => {
    // Enter never sends a half-filled form; Ctrl+S does.
    const { target } = event;
    if (event.key === "Enter" && !event.ctrlKey && target.matches("input, select")) event.preventDefault();
});

find("[data-cancel]").addEventListener("click", () => {
    // Leaving on purpose still asks; going drops the draft.
    addEventListener("pagehide", () => dropDraft(form), { once: true });
});

for (const kind of ["input", "change"]) {
    form.addEventListener(kind, (event) => {
        if (!event.target.name) return;
        count();
        keep();
        if (ADVISED.includes(event.target.name)) askSoon();
        if (kind === "change" && event.target.name.endsWith("country"))
            followCountry(event.target.name.replace("country", ""));
    });
}
for (const link of form.querySelectorAll("[data-summary] a")) {
    link.addEventListener("click", (event) => {
        const field = document.getElementById(link.hash.slice(1));
        if (!field) return;
        event.preventDefault();
        field.closest("details")?.setAttribute("open", "");
        field.focus();
    });
}

makeComboboxes(form, words.noMatch);
count();
noteEditing(form);
offerDraft(form, changed.length > 0, () => {
    count();
    followCountries();
});
(find("[aria-invalid]") ?? find("[data-summary]"))?.focus();
