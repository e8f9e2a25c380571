// Sending a file in, and following what becomes of it.

// --- A file, dropped or pasted ------------------------------------------------------------------

const upload = document.querySelector("[data-upload]");

function check(input) {
    const tooLarge = (input.files[0]?.size ?? 0) > Number(upload.dataset.most);
    upload.querySelector("[data-too-large]").hidden = !tooLarge;
    upload.querySelector("button").disabled = tooLarge;
}

function take(input, file) {
    const carrier = new DataTransfer();
    carrier.items.add(file);
    input.files = carrier.files;
    check(input);
    upload.querySelector("button").focus();
}

if (upload !== null) {
    const input = upload.querySelector("input[type=file]");
    const place = upload.querySelector("[data-drop]");
    input.addEventListener("change", () => check(input));
    for (const name of ["dragenter", "dragover"]) {
        document.addEventListener(name, (event) => {
            event.preventDefault();
            place.classList.add("i-drop--over");
        });
    }
    for (const name of ["dragleave", "drop"]) {
        document.addEventListener(name, (event) => {
            event.preventDefault();
            place.classList.remove("i-drop--over");
            const file = event.dataTransfer.files[0];
            if (file) take(input, file);
        });
    }
    document.addEventListener("paste", (event) => {
        if (event.target.matches("input:not([type=file]), textarea")) return;
        const file = event.clipboardData.files[0];
        const text = event.clipboardData.getData("text/plain");
        // Copied cells come as a picture, too: the text is what is meant.
        if (text.includes("\n")) take(input, new File([text], "pasted.csv", { type: "text/csv" }));
        else if (file) take(input, file);
    });
}

// --- Columns --------------------------------------------------------------------------------------

const source = document.querySelector("[data-go]");
source?.addEventListener("change", () => source.form.requestSubmit());

for (const select of document.querySelectorAll(".i-columns select")) {
    select.addEventListener("change", () => {
        select.closest("tr").classList.toggle("i-idle", select.value === "");
    });
}

// One more line whenever the last one is used.
const fixed = document.querySelector("[data-fixed]");
fixed?.addEventListener("change", () => {
    const last = fixed.lastElementChild;
    if (last.querySelector("select").value === "") return;
    const more = last.cloneNode(true);
    more.querySelector("select").value = "";
    more.querySelector("input").value = "";
    fixed.append(more);
});

// --- At work --------------------------------------------------------------------------------------

const shown = (number) => number.toLocaleString(document.documentElement.lang || "en");

async function follow(box) {
    try {
        const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
        if (answer.ok) {
            const now = await answer.json();
            if (now.state !== box.dataset.state) {
                location.reload();
                return;
            }
            const percent = box.querySelector("[data-percent]");
            if (percent) percent.textContent = now.percent;
            box.querySelector("progress").value = now.percent;
            for (const one of box.querySelectorAll("[data-count]")) {
                one.textContent = shown(now[one.dataset.count]);
            }
        }
    } catch {
        // No answer at this moment; the next one will come.
    }
    setTimeout(() => follow(box), 1000);
}

const box = document.querySelector("[data-progress]");
if (box !== null) follow(box);

// --- Coming back ----------------------------------------------------------------------------------

// What a page said before it was left is out of date when somebody comes back to it.
window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
});
