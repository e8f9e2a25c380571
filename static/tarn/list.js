// The list of customers: selection, and the filters in a sheet at its side. Without this the list
// pages, searches and filters all the same.

const form = document.querySelector(".l-form");
const boxes = () => [...document.querySelectorAll("[data-row-select]")];

function count() {
    const bar = form.querySelector(".l-bar");
    if (bar === null) return;
    const chosen = boxes().filter((box) => box.checked).length;
    const everything = form.querySelector("[data-everything]");
    const words = bar.querySelector("[data-chosen]");
    bar.hidden = chosen === 0;
    if (chosen === 0 && everything) everything.checked = false;
    const one = chosen === 1 ? words.dataset.one : words.dataset.many.replace("{number}", chosen);
    words.textContent = everything?.checked ? form.dataset.all : one;
    const head = form.querySelector("[data-all-rows]");
    head.checked = chosen === boxes().length;
    head.indeterminate = chosen > 0 && !head.checked;
}

function check(on) {
    for (const box of boxes()) box.checked = on;
    count();
}

if (form) {
    form.addEventListener("change", (event) => {
        if (event.target.matches("[data-all-rows]")) check(event.target.checked);
        else count();
    });
    form.querySelector("[data-none]")?.addEventListener("click", () => check(false));
    // Coming back from another page, browsers keep what was ticked.
    window.addEventListener("pageshow", count);
}

// --- Filters ------------------------------------------------------------------------------------

const sheet = document.getElementById("l-filters");
const link = document.querySelector("[data-filters]");

function narrow(event) {
    if (!event.target.matches("[data-narrows]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const choice of event.target.closest("fieldset").querySelectorAll("label")) {
        const box = choice.querySelector("input");
        choice.hidden = !box.checked && !choice.textContent.toLowerCase().includes(wanted);
        choice.style.display = choice.hidden ? "none" : "";
    }
}

// Fields left open need not stand in the address.
function leaveOut(event) {
    for (const field of event.target.querySelectorAll("input[name]")) {
        if (!field.value) field.disabled = true;
    }
}

async function open() {
    if (!sheet.firstElementChild) {
        const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const filters = page.getElementById("l-filters-form");
        if (!answer.ok || filters === null) return window.location.assign(link.href);
        filters.querySelector("[data-in-sheet]").hidden = false;
        sheet.append(document.adoptNode(filters));
    }
    sheet.showModal();
}

link?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open().catch(() => window.location.assign(link.href));
});
sheet?.addEventListener("input", narrow);
sheet?.addEventListener("submit", leaveOut);
