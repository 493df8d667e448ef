# Asks the frameworks of an image which GPUs they were compiled for. It runs without a GPU.
import importlib
import importlib.util
import json


def torch(module):
    flags = getattr(module._C, "_cuda_getArchFlags", lambda: None)() or ""
    return module.version.cuda, flags.split()


def tensorflow(module):
    built = module.sysconfig.get_build_info()
    return built.get("cuda_version"), list(built.get("cuda_compute_capabilities", []))


def asked(name, ask):
    if importlib.util.find_spec(name) is None:
        return None
    try:
        module = importlib.import_module(name)
        cuda, architectures = ask(module)
        return {"name": name, "version": str(module.__version__), "cuda": cuda, "architectures": architectures}
    except Exception as error:
        return {"name": name, "error": f"{type(error).__name__}: {error}"[:500]}


found = [asked("torch", torch), asked("tensorflow", tensorflow)]
print("\nimgbuild-kernels: " + json.dumps([it for it in found if it]))
