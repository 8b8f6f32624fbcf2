import platform

from flask import Flask, render_template_string

app = Flask(__name__)


@app.get("/")
def index():
    return render_template_string("<h1>{{ machine }}</h1><a href='/json'>json</a>", machine=platform.machine())


@app.get("/json")
def data():
    return {"machine": platform.machine()}
