// Follows a piece of bulk work, and shows its result when it has come to its end.

const follow = async (box) => {
    try {
        const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
        if (answer.ok) {
            const now = await answer.json();
            box.querySelector("[data-percent]").textContent = now.percent;
            box.querySelector("progress").value = now.percent;
            if (now.state !== box.dataset.state) {
                location.reload();
                return;
            }
        }
    } catch {
        // No answer at this moment; the next one will come.
    }
    setTimeout(() => follow(box), 1000);
};

const box = document.querySelector("[data-progress]");
if (box !== null) follow(box);
