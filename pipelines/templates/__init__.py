"""The workflow templates, written with Hera. `pipelines.export` builds them all.

Hera reads its global configuration when a template object is made, so it is set here, before any module of the package
can make one. This is a package of its own so that `ome --help` does not import Hera.
"""

from hera.shared import global_config

from pipelines.templates.settings import SERVICE_ACCOUNT, step_image

global_config.image = step_image()
global_config.script_command = ["python"]
global_config.service_account_name = SERVICE_ACCOUNT
