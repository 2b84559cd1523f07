"""The least that Flask does for a JSON request, under the product's gunicorn settings: the floors B and G."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.post("/")
def post() -> Response:
    """Read JSON, answer JSON."""
    told = request.get_json()
    return jsonify(id="pi_1666625039547498496", object="payment_intent", amount=told["amount"], status="succeeded")


@app.get("/<name>")
def get(name: str) -> Response:
    """Answer JSON."""
    return jsonify(id=name, object="payment_intent", amount=2000, status="succeeded")
