"""A question to a service, put by a pod of the cluster at the address that the service's status gives."""

import json

from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.python_pod import printed

_ASK = """
import sys, time, urllib.error, urllib.request

request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"})
until = time.monotonic() + 10
while True:
    try:
        print(urllib.request.urlopen(request, timeout=120).read().decode())
        break
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > until:
            raise
        time.sleep(0.2)
"""
"""It asks again where a connection is refused: a node's kube-proxy follows a Service's endpoints a moment later."""


def ask(kubectl: Kubectl, served: Object, image: str, question: str = "What is the capital of France?") -> str:
    """What a service answers.

    Args:
        kubectl: Of its cluster.
        served: The InferenceService, ready.
        image: One with Python, which the nodes have.
        question: For the model.
    """
    messages = [{"role": "user", "content": question}]
    body = json.dumps(
        {"model": served["spec"]["model"]["name"], "messages": messages, "max_tokens": 16, "temperature": 0}
    )
    url = f"{served['status']['url']}/v1/chat/completions"
    said = printed(kubectl, served["metadata"]["namespace"], image, _ASK, url, body)
    answer: str = json.loads(said)["choices"][0]["message"]["content"]
    return answer
