"""A hub on this machine's loopback address, which starts each user's server in a container. `HUB` says how, in JSON: `folder` for what it
keeps, `ports`, `proxy` for the program before it, `container`: the words that start one, and `commands`: what each user's then runs.
"""

import json
import os
import pathlib

from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import random_port

HUB = json.loads(os.environ["HUB"])


class ContainerSpawner(LocalProcessSpawner):
    """Gives a container the hub's variables and nothing else: what is in it, and what it starts, is the image's."""

    def make_preexec_fn(self, name):
        return None

    def user_env(self, env):
        return env

    async def start(self):
        self.port = random_port()
        *words, template, _ = HUB["container"]
        config = json.loads(pathlib.Path(template).read_text())
        config["process"]["env"] += [f"{name}={value}" for name, value in self.get_env().items()]
        config["process"]["args"] += HUB["commands"][self.user.name]
        # Nothing of what one user has is another's.
        home = pathlib.Path(HUB["folder"], f"home-{self.user.name}")
        home.mkdir()
        home.chmod(0o777)
        config["mounts"] += [
            {"destination": "/home/jovyan", "type": "bind", "source": str(home), "options": ["rbind"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
        ]
        file = pathlib.Path(HUB["folder"], f"{self.user.name}.json")
        file.write_text(json.dumps(config))
        self.cmd = [*words, str(file), f"hub-{self.port}-{self.user.name}"]
        return await super().start()


c = get_config()  # noqa: F821
public, hub, proxy = HUB["ports"]
c.JupyterHub.bind_url = f"http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{hub}"
c.JupyterHub.db_url = f"sqlite:///{HUB['folder']}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{HUB['folder']}/cookie_secret"
c.JupyterHub.log_level = "DEBUG"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = [HUB["proxy"]]
c.ConfigurableHTTPProxy.pid_file = f"{HUB['folder']}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "hunter2"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = ContainerSpawner
c.Spawner.env_keep = []
c.Spawner.ip = "127.0.0.1"
c.Spawner.interrupt_timeout = 1
