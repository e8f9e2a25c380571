// The review and the conflict: sent once, and what was chosen is shown as the result.

import { noteSaving } from "./drafts.js";

const form = document.querySelector("[data-review]");

form.addEventListener("keydown", (event) => {
    // Enter in the reason saves nothing by accident.
    if (event.key === "Enter" && event.target.matches("input:not([type=radio])") && !event.ctrlKey)
        event.preventDefault();
});

let sent = false;
form.addEventListener("submit", (event) => {
    if (sent) {
        event.preventDefault();
        return;
    }
    sent = true;
    if (event.submitter?.value.startsWith("save")) noteSaving();
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});
// Back from the cache of the browser, the page can be sent again.
addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sent = false;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
});

for (const row of form.querySelectorAll("[data-row]")) {
    row.addEventListener("change", (event) => {
        const chosen = event.target.closest("label").querySelector("span").cloneNode(true);
        row.querySelector("[data-result]").replaceChildren(chosen);
    });
}

(form.querySelector("[aria-invalid]") ?? form.querySelector("#reason[required]") ?? form.querySelector("[data-save]"))?.focus({ preventScroll: true });
