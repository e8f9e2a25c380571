// Light or dark as the person chose in the back office, which keeps it in this browser. Runs before
// the page is painted, so that nothing flashes.

try {
    const chosen = JSON.parse(localStorage.getItem("adminTheme"));
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.look = chosen;
} catch {
    // No storage, or somebody else's words in it: the system's look is as good.
}
