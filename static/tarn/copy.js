// Buttons that copy what stands in a field: <button data-copy-from="id" data-copied="Copied">.

for (const button of document.querySelectorAll("[data-copy-from]")) {
    button.addEventListener("click", async () => {
        const field = document.getElementById(button.dataset.copyFrom);
        field.select();
        await navigator.clipboard.writeText(field.value);
        button.textContent = button.dataset.copied;
    });
}
