// What was typed and not saved yet, kept in this tab alone (sessionStorage): by person and customer.
// Gone with the tab, on saving, on signing out, and as soon as another person signs in here.

const PREFIX = "tarn-draft:";
const SAVING = "tarn-saving";

const keys = () => Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));

export const readDraft = (name) => {
    try {
        return JSON.parse(sessionStorage.getItem(PREFIX + name));
    } catch {
        return null;
    }
};

export const keepDraft = (name, values) => {
    const draft = { at: new Date().toISOString(), values };
    sessionStorage.setItem(PREFIX + name, JSON.stringify(draft));
};

export const dropDraft = (name) => sessionStorage.removeItem(PREFIX + name);

export const dropDraftsOfOthers = (name) => {
    const mine = PREFIX + name.split(":")[0] + ":";
    for (const key of keys()) if (!key.startsWith(mine)) sessionStorage.removeItem(key);
};

// The review is being saved: the draft goes once another page of ours shows that it was.
export const noteSaving = () => sessionStorage.setItem(SAVING, sessionStorage.getItem("tarn-editing") ?? "");
export const noteEditing = (name) => sessionStorage.setItem("tarn-editing", name);

const settle = () => {
    const name = sessionStorage.getItem(SAVING);
    if (name === null) return;
    const isNot = document.querySelector("[data-review]") || document.querySelector("[data-edit]")?.dataset.draft === name;
    if (isNot) {
        sessionStorage.removeItem(SAVING);
        return;
    }
    // Signed out meanwhile: the way back leads through the form.
    if (document.querySelector("input[type=password]")) return;
    sessionStorage.removeItem(SAVING);
    dropDraft(name);
};

const signingOut = (form) => /logout/.test(form.getAttribute("action") ?? "");

document.addEventListener("submit", (event) => {
    if (signingOut(event.target)) for (const key of keys()) sessionStorage.removeItem(key);
});
settle();
