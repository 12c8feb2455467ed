"""From a report to the content of each part of the page: one small function per part, no gradio, no state."""
