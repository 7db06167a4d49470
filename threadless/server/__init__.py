"""The server and the process around us. Only this package knows gunicorn, gevent, uvicorn, forks and process exit."""
