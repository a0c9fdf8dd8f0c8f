// @ts-check
// Before the first paint: the theme the reader chose, and the mark that scripts run. Classic script, in <head>.
{
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's theme stands.
  }
}
