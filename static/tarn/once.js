// Every form that writes is sent once: a second click would stop the first answer on its way.

document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) {
        event.preventDefault();
        return;
    }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    const words = event.submitter?.dataset.busy;
    if (words) event.submitter.textContent = words;
});

// Whoever comes back to the page may send it again.
window.addEventListener("pageshow", () => {
    for (const form of document.forms) {
        if (!form.dataset.sent) continue;
        delete form.dataset.sent;
        for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
    }
});
