// Buttons that copy what stands in a field: <button data-copy-from="id" data-copied="Copied">.

for (const button of document.querySelectorAll("[data-copy-from]")) {
    button.addEventListener("click", async () => {
        const field = document.getElementById(button.dataset.copyFrom);
        field.select();
        // Plain http has no clipboard.
        if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
        else document.execCommand("copy");
        button.textContent = button.dataset.copied;
    });
}
