"""Options that several commands share, each with its help text once."""

from typing import Annotated, Literal

import typer

Uri = Annotated[
    str,
    typer.Argument(
        help="Where the model is: hf://organisation/name[@revision], s3://bucket/prefix, gs://bucket/prefix, "
        "az://account/container/prefix, oci://…, github://…, x-….://… of another package, or local:///path: "
        "docs/sources.md."
    ),
]
Name = Annotated[str, typer.Option("--name", help="The model's name; by default derived from the URI.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace of the service.")]
Revision = Annotated[str, typer.Option("--revision", help="Branch, tag or commit; by default the URI's, else main.")]
Path = Annotated[str, typer.Option("--path", help="Folder for the model, under the models root.")]
Allow = Annotated[list[str] | None, typer.Option("--allow", help="Only files of this pattern; repeatable.")]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", help="No files of this pattern; repeatable.")]
UnsafePickles = Annotated[
    Literal["refuse", "allow"], typer.Option("--unsafe-pickles", help="Pickles that run code when they are loaded.")
]
SignedBy = Annotated[
    str,
    typer.Option(
        "--signed-by", help="PEM file: public key, or certificates, of who must have signed the model (OpenSSF)."
    ),
]
Signature = Annotated[str, typer.Option("--signature", help="The file of the model that its signature is in.")]
ManifestDigest = Annotated[
    str, typer.Option("--manifest-digest", help="Refuse files whose manifest has another digest (sha256).")
]
Runtime = Annotated[str, typer.Option("--runtime", help="This runtime and no other, if it can serve the model.")]
Accelerator = Annotated[str, typer.Option("--accelerator", help="This AcceleratorClass and no other.")]
Protocol = Annotated[str, typer.Option("--protocol", help="One that the runtime must speak, such as openAI.")]
Context = Annotated[int, typer.Option("--context", min=0, help="Tokens a sequence; 0: the runtime's own.")]
Parallel = Annotated[int, typer.Option("--sequences", min=1, help="Sequences at once that must fit in memory.")]
Fit = Annotated[
    Literal["warn", "enforce", "off"], typer.Option("--fit", help="What to do when memory does not suffice.")
]
Service = Annotated[str, typer.Option("--service", help="The service's name; by default the model's.")]
AskingService = Annotated[
    str, typer.Option("--service", help="Choose as this applied InferenceService asks: class, constraints, policy.")
]
Prompt = Annotated[str, typer.Option("--prompt", help="The question of the smoke test.")]
Benchmark = Annotated[bool, typer.Option(help="Whether to measure the endpoint.")]
Scenarios = Annotated[
    list[str] | None,
    typer.Option("--scenario", help="Traffic: D(in,out), N(mean,std)/(mean,std), U(min,max)/(min,max); repeatable."),
]
Concurrency = Annotated[
    list[int] | None, typer.Option("--concurrency", min=1, help="Requests in flight at once; repeatable.")
]
MaxRequests = Annotated[int, typer.Option("--max-requests", min=1, help="Requests a cell of the benchmark.")]
MaxMinutes = Annotated[int, typer.Option("--max-minutes", min=1, help="Minutes a cell of the benchmark may take.")]
MaxErrorRate = Annotated[
    float, typer.Option("--max-error-rate", min=0.0, max=1.0, help="A larger share of failed requests fails the run.")
]
Cluster = Annotated[
    bool, typer.Option("--cluster", help="About a cluster, not this machine; so do --kubeconfig and --context.")
]
OnNode = Annotated[
    list[str] | None, typer.Option("--node", help="With --cluster: this node only; repeatable; all if none.")
]
