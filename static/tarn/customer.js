// Copying what a button names: <button data-copy="id of the element">.

const copy = async (element) => {
    const text = element.textContent;
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Plain http has no clipboard: select the text, so that Ctrl+C takes it.
    window.getSelection().selectAllChildren(element);
    document.execCommand("copy");
};

document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button === null) return;
    await copy(document.getElementById(button.dataset.copy));
    const icon = button.querySelector(".material-symbols-outlined");
    icon.textContent = "check";
    setTimeout(() => { icon.textContent = "content_copy"; }, 1500);
});
