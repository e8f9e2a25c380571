// Keys of the back office: a page names them in attributes, `data-key="e" data-key-label="Edit"`.

const typing = (target) =>
    target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);

const nameOf = (event) => (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key;

document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey) return;
    const name = nameOf(event);
    if (typing(event.target) && !name.startsWith("Ctrl+")) return;
    const found = document.querySelector(`[data-key="${CSS.escape(name)}"]`);
    if (found === null) return;
    event.preventDefault();
    found.click();
});
