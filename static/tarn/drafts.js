// No form loses what was typed: it is kept in this tab alone (sessionStorage) until it is saved, and
// nothing is sent while nobody is signed in. A draft goes with the tab, on saving, on signing out,
// and as soon as another person signs in here.

const PREFIX = "tarn-draft:";
const SAVING = "tarn-saving";
const EDITING = "tarn-editing";
// Forms of Django's own say what they are by their id.
const KEPT = "form[data-draft], #content-main form[method=post][id$=_form]";
const kept = document.getElementById("t-kept");
const { person, place, presence } = kept.dataset;
const pieces = (selector) => kept.content.querySelector(selector).cloneNode(true);

// --- Values -------------------------------------------------------------------------------------

const OWN = new Set(["csrfmiddlewaretoken", "seen", "organization", "step"]);
const BUTTONS = new Set(["hidden", "submit", "button", "reset", "image"]);
const isFilled = (form) => [...form.elements].some((one) => one.name && !BUTTONS.has(one.type));
// Secrets and files are not kept.
const typed = (form) => [...form.elements].filter((one) => one.name && !BUTTONS.has(one.type)
    && !["file", "password"].includes(one.type) && !OWN.has(one.name) && one.autocomplete !== "new-password");

const isOneOfSome = (one) => one.type === "checkbox" && one.closest(".e-set, .b-taxes") !== null;

export const valuesOf = (form) => {
    const found = {};
    for (const one of typed(form)) {
        if (isOneOfSome(one)) {
            found[one.name] ??= [];
            if (one.checked) found[one.name].push(one.value);
        } else if (one.type === "radio") {
            found[one.name] ??= "";
            if (one.checked) found[one.name] = one.value;
        } else if (one.multiple) found[one.name] = [...one.selectedOptions].map((option) => option.value);
        else found[one.name] = one.type === "checkbox" ? one.checked : one.value;
    }
    return found;
};

const put = (form, wanted) => {
    for (const one of typed(form)) {
        const value = wanted[one.name];
        if (value === undefined) continue;
        if (one.type === "radio") one.checked = one.value === value;
        else if (one.type === "checkbox") one.checked = Array.isArray(value) ? value.includes(one.value) : value;
        else if (one.multiple) for (const option of one.options) option.selected = value.includes(option.value);
        else one.value = value;
        one.dispatchEvent(new Event("tarn:set"));
    }
};

const comparable = (value) =>
    Array.isArray(value) ? [...value].sort().join("\n")
        : value === null || value === undefined || value === false ? "" : String(value).replace(/[\r\n]/g, "");

export const differing = (now, before) =>
    Object.keys(now).filter((name) => comparable(now[name]) !== comparable(before[name]));

// --- Drafts -------------------------------------------------------------------------------------

const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
const nameOf = (form) => form.dataset.draft
    || [person, place, location.pathname + location.search, form.id || [...document.forms].indexOf(form)].join(":");

const read = (name) => {
    try {
        return JSON.parse(sessionStorage.getItem(PREFIX + name));
    } catch {
        return null;
    }
};

export const dropDraft = (form) => sessionStorage.removeItem(PREFIX + nameOf(form));

export const keepDraft = (form, names) => {
    const now = valuesOf(form);
    const values = Object.fromEntries(names.filter((name) => name in now).map((name) => [name, now[name]]));
    const draft = { at: new Date().toISOString(), values };
    sessionStorage.setItem(PREFIX + nameOf(form), JSON.stringify(draft));
};

const isAnswered = (form) => form.querySelector("[aria-invalid=true], .t-error, .errorlist, [role=alert]") !== null;

// Offers what was typed here before; what came back from the server is newer than that.
export const offerDraft = (form, isNewer, taken) => {
    const draft = read(nameOf(form));
    const typedThen = draft?.values ?? {};
    const now = valuesOf(form);
    const lost = differing(typedThen, now).filter((name) => name in now);
    if (isNewer) return;
    if (lost.length === 0) {
        dropDraft(form);
        return;
    }
    const at = new Date(draft.at);
    const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (at.toDateString() !== new Date().toDateString()) Object.assign(parts, { day: "numeric", month: "long" });
    const time = at.toLocaleString(document.documentElement.lang, parts);
    const offer = pieces("[role=status]");
    const words = offer.querySelector("[data-words]");
    words.textContent = words.dataset.words.replace("{count}", lost.length).replace("{time}", time);
    offer.querySelector("[data-take]").addEventListener("click", () => {
        put(form, Object.fromEntries(lost.map((name) => [name, typedThen[name]])));
        offer.remove();
        taken();
    });
    offer.querySelector("[data-drop]").addEventListener("click", () => {
        dropDraft(form);
        offer.remove();
    });
    (form.querySelector("[data-draft-place]") ?? form).before(offer);
};

const watch = (form) => {
    const start = valuesOf(form);
    const before = isAnswered(form) ? Object.keys(read(nameOf(form))?.values ?? {}) : [];
    const keep = () => {
        const names = [...new Set([...before, ...differing(valuesOf(form), start)])];
        if (names.length) keepDraft(form, names);
        else dropDraft(form);
    };
    form.addEventListener("input", keep);
    form.addEventListener("change", keep);
    offerDraft(form, isAnswered(form), keep);
};

// --- Saved or not -------------------------------------------------------------------------------

export const noteEditing = (form) => sessionStorage.setItem(EDITING, nameOf(form));
// A review is being saved: it is the draft of the form before it that goes.
export const noteSaving = () => sessionStorage.setItem(SAVING, sessionStorage.getItem(EDITING) ?? "");

// The draft goes once a page of ours shows that it was saved: another one, or this without complaint.
const settle = () => {
    const name = sessionStorage.getItem(SAVING);
    if (name === null) return;
    sessionStorage.removeItem(SAVING);
    const again = [...document.querySelectorAll(KEPT)].find((form) => nameOf(form) === name);
    const isOpen = document.querySelector("[data-review]") || again?.matches("[data-edit]") || (again && isAnswered(again));
    // Signed out at the last moment: the way back leads past the way in.
    if (!isOpen && !/login|2fa/.test(document.referrer)) sessionStorage.removeItem(PREFIX + name);
};

const isSigningOut = (form) => /logout/.test(form.getAttribute("action") ?? "");

// --- Sending ------------------------------------------------------------------------------------

// Who is signed in; the form gets the token that is good since.
const whatIsWrong = async (form) => {
    try {
        const answer = await fetch(presence, { redirect: "manual", cache: "no-store" });
        if (!answer.ok) return answer.type === "opaqueredirect" || answer.status < 500 ? "out" : "away";
        const now = await answer.json();
        if (now.person !== person) return "other";
        form.elements.csrfmiddlewaretoken.value = now.token;
        return "";
    } catch {
        return "away";
    }
};

const complain = (form, submitter, kind) => {
    const words = pieces(`[data-of=${kind}]`);
    const bar = submitter?.closest(".t-bar");
    if (bar) bar.prepend(words);
    else (submitter?.closest("form .t-row") ?? form).before(words);
    words.scrollIntoView({ block: "center" });
};

const asked = new WeakSet();
const good = new WeakSet();

const ask = async (form, submitter) => {
    asked.add(form);
    submitter?.setAttribute("aria-disabled", "true");
    for (const words of document.querySelectorAll(".t-kept[data-of]")) words.remove();
    const wrong = await whatIsWrong(form);
    submitter?.removeAttribute("aria-disabled");
    asked.delete(form);
    if (wrong) return complain(form, submitter, wrong);
    if (form.matches(KEPT) && !form.matches("[data-edit]")) sessionStorage.setItem(SAVING, nameOf(form));
    good.add(form);
    form.requestSubmit(submitter);
};

// First of all that listen, so that they meet only what is really sent.
addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (isSigningOut(form)) {
        for (const key of keys()) sessionStorage.removeItem(key);
        return;
    }
    if (good.delete(form) || !isFilled(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!asked.has(form)) ask(form, event.submitter);
}, true);

settle();
for (const key of keys()) if (!key.startsWith(`${PREFIX}${person}:`)) sessionStorage.removeItem(key);
for (const form of document.querySelectorAll(KEPT)) if (!form.matches("[data-edit]")) watch(form);
