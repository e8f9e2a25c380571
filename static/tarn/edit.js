// The form of a customer: marks what changed, follows the country, advises, and loses nothing.

import { makeComboboxes } from "./combobox.js";
import { dropDraft, dropDraftsOfOthers, keepDraft, noteEditing, readDraft } from "./drafts.js";

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

// --- Values -------------------------------------------------------------------------------------

const OWN = new Set(["csrfmiddlewaretoken", "seen", "organization", "step"]);
const controls = () => [...form.elements].filter((one) => one.name && !OWN.has(one.name) && one.type !== "submit");

const values = () => {
    const found = {};
    for (const one of controls()) {
        if (one.type === "checkbox" && one.closest(".e-set")) {
            found[one.name] ??= [];
            if (one.checked) found[one.name].push(one.value);
        } else found[one.name] = one.type === "checkbox" ? one.checked : one.value;
    }
    return found;
};

const put = (wanted) => {
    for (const one of controls()) {
        const value = wanted[one.name];
        if (value === undefined) continue;
        if (one.type === "checkbox") one.checked = Array.isArray(value) ? value.includes(one.value) : value;
        else one.value = value;
        one.dispatchEvent(new Event("tarn:set"));
    }
};

const comparable = (value) =>
    Array.isArray(value) ? [...value].sort().join("\n")
        : value === null || value === undefined || value === false ? "" : String(value).replace(/[\r\n]/g, "");

// What the person saw: of a customer that is there from the server, of a new one what the empty form has.
const seenBefore = (() => {
    const seen = JSON.parse(find("[name=seen]").value || "{}");
    return words.customer ? seen : null;
})();
let start = seenBefore ?? values();

const changedFields = () => {
    const now = values();
    return Object.keys(now).filter((name) => comparable(now[name]) !== comparable(start[name]));
};

// --- What changed -------------------------------------------------------------------------------

let changed = [];
const count = () => {
    changed = changedFields();
    for (const field of form.querySelectorAll("[data-field]"))
        field.classList.toggle("e-field--changed", changed.includes(field.dataset.field));
    const text = changed.length === 0 ? words.none
        : changed.length === 1 ? words.one : words.many.replace("{count}", changed.length);
    if (find("[data-count]").textContent !== text) find("[data-count]").textContent = text;
};

const keep = later(300, () => {
    if (changed.length) keepDraft(words.draft, Object.fromEntries(changed.map((name) => [name, values()[name]])));
    else dropDraft(words.draft);
});

let leaving = false;
addEventListener("beforeunload", (event) => {
    if (!leaving && changed.length) event.preventDefault();
});

// --- Drafts -------------------------------------------------------------------------------------

const offerDraft = () => {
    dropDraftsOfOthers(words.draft);
    noteEditing(words.draft);
    const draft = readDraft(words.draft);
    const now = values();
    const lost = Object.entries(draft?.values ?? {}).filter(([name, value]) => comparable(now[name]) !== comparable(value));
    if (lost.length === 0) {
        if (draft && !changed.length) dropDraft(words.draft);
        return;
    }
    // What came back from the server is newer than the draft.
    if (changed.length) return;
    const at = new Date(draft.at);
    const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (at.toDateString() !== new Date().toDateString()) Object.assign(parts, { day: "numeric", month: "long" });
    const time = at.toLocaleString(document.documentElement.lang, parts);
    find("[data-draft-text]").textContent = words.draftWords.replace("{count}", lost.length).replace("{time}", time);
    find("[data-draft-offer]").hidden = false;
    find("[data-draft-take]").addEventListener("click", () => {
        put(Object.fromEntries(lost));
        find("[data-draft-offer]").hidden = true;
        count();
        followCountries();
    });
    find("[data-draft-drop]").addEventListener("click", () => {
        dropDraft(words.draft);
        find("[data-draft-offer]").hidden = true;
    });
};

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

const trouble = (text) => {
    find("[data-trouble]").textContent = text;
    find("[data-trouble]").hidden = text === "";
    if (text) find("[data-trouble]").scrollIntoView({ block: "nearest" });
};

// Whether the person is still signed in; a form sent without would land on the way in.
const mayBeSent = async () => {
    try {
        const answer = await fetch(`${words.country}?country=`, { redirect: "manual", cache: "no-store" });
        if (answer.ok) return true;
        trouble(answer.type === "opaqueredirect" || answer.status === 401 ? words.signedOut : words.offline);
    } catch {
        trouble(words.offline);
    }
    return false;
};

let sending = false;
form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending) return;
    sending = true;
    const button = event.submitter ?? find("[name=step]");
    button.setAttribute("aria-disabled", "true");
    trouble("");
    if (await mayBeSent()) {
        leaving = true;
        const step = document.createElement("input");
        Object.assign(step, { type: "hidden", name: "step", value: "review" });
        form.append(step);
        form.submit();
        return;
    }
    sending = false;
    button.removeAttribute("aria-disabled");
});
addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sending = leaving = false;
    form.querySelectorAll("input[name=step]").forEach((one) => one.remove());
    form.querySelectorAll("[aria-disabled]").forEach((one) => one.removeAttribute("aria-disabled"));
});

form.addEventListener("keydown", (event) => {
    // Enter never sends a half-filled form; Ctrl+S does.
    const { target } = event;
    if (event.key === "Enter" && !event.ctrlKey && target.matches("input, select")) event.preventDefault();
});

find("[data-cancel]").addEventListener("click", () => {
    // Leaving on purpose still asks; going drops the draft.
    addEventListener("pagehide", () => dropDraft(words.draft), { once: true });
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
offerDraft();
(find("[aria-invalid]") ?? find("[data-summary]"))?.focus();
