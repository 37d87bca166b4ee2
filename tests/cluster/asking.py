"""A question to a service, put by a pod of the cluster at the address that the service's status gives."""

import json

from tests.cluster.kubectl import Kubectl, Object

_ASK = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.argv[2].encode(), {"Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=120).read().decode())
"""


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
    said = kubectl(
        "run", "asks", f"--image={image}", "--image-pull-policy=IfNotPresent", "--restart=Never", "--rm", "-i", "-q",
        f"--namespace={served['metadata']['namespace']}",
        "--command", "--", "python", "-c", _ASK, f"{served['status']['url']}/v1/chat/completions", body,
    )  # fmt: skip
    answer: str = json.loads(said)["choices"][0]["message"]["content"]
    return answer
