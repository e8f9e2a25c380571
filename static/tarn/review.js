// The review and the conflict: what was chosen is shown as the result.

import { noteSaving } from "./drafts.js";

const form = document.querySelector("[data-review]");

form.addEventListener("keydown", (event) => {
    // Enter in the reason saves nothing by accident.
    if (event.key === "Enter" && event.target.matches("input:not([type=radio])") && !event.ctrlKey)
        event.preventDefault();
});

form.addEventListener("submit", (event) => {
    if (event.submitter?.value.startsWith("save")) noteSaving();
});

for (const row of form.querySelectorAll("[data-row]")) {
    row.addEventListener("change", (event) => {
        const chosen = event.target.closest("label").querySelector("span").cloneNode(true);
        row.querySelector("[data-result]").replaceChildren(chosen);
    });
}

(form.querySelector("[aria-invalid]") ?? form.querySelector("#reason[required]") ?? form.querySelector("[data-save]"))?.focus({ preventScroll: true });
