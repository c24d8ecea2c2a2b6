"""Parse every SkyPilot file of this folder with SkyPilot itself."""

from pathlib import Path

import sky

for path in sorted(Path(__file__).parent.glob("*.yaml")):
    task = sky.Task.from_yaml(str(path))
    print(f"{path.name}: {task.name}, {task.num_nodes} node(s)")
