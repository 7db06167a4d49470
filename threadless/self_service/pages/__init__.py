"""The pages for customers: server-rendered, usable without JavaScript, and limited to the signed-in user."""
