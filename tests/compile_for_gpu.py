"""Compiles a program for a GPU that is not there: python compile_for_gpu.py FILE KIND.

FILE is StableHLO in text, KIND one of `KINDS`. It takes a Python that has JAX with its CUDA plugin
and NVIDIA's `nvcc` package, and nothing of this project. XLA compiles as it would there, but
chooses kernels without timing them. The last line printed is JSON: what the program is made of.
"""

import collections
import glob
import json
import os
import re
import sys
import sysconfig

# threads of a multiprocessor, shared memory of one and of a block, multiprocessors, units of each,
# bandwidth, second cache, memory, capability: as NVIDIA publishes them
KINDS = {
    "T4": (1024, 65536, 65536, 40, 64, 320e9, 4 << 20, 15.8e9, 7, 5),
    "H200": (2048, 233472, 232448, 132, 128, 4800e9, 50 << 20, 151e9, 9, 0),
}


def description(kind):
    """Returns the kind of GPU in the words of XLA."""
    threads, shared, of_block, cores, units, bandwidth, cache, memory, *capability = KINDS[kind]
    major, minor = capability
    return f"""gpu_device_info {{
  threads_per_block_limit: 1024 threads_per_warp: 32 shared_memory_per_block: 49152
  shared_memory_per_core: {shared} threads_per_core_limit: {threads} core_count: {cores}
  fpus_per_core: {units} block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
  block_dim_limit_z: 65535 memory_bandwidth: {int(bandwidth)} l2_cache_size: {cache}
  clock_rate_ghz: 1.6 device_memory_size: {int(memory)} shared_memory_per_block_optin: {of_block}
  cuda_compute_capability {{ major: {major} minor: {minor} }}
  registers_per_core_limit: 65536 registers_per_block_limit: 65536
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 }}
runtime_version {{ major: 12 minor: 8 }}
device_description_str: "{kind}"
"""


def legalized(module, ir):
    """Takes TensorFlow's ``mhlo.copy`` out of a module, which the plugin refuses."""
    found = []

    def visit(op):
        if op.operation.name == "mhlo.copy":
            found.append(op.operation)
        return ir.WalkResult.ADVANCE

    module.operation.walk(visit)
    for op in found:
        op.results[0].replace_all_uses_with(op.operands[0])
        op.erase()
    return module


def main(path, kind):
    """Compiles, and prints what came out."""
    import jax  # noqa: F401, it registers its dialects
    from jax._src import compiler
    from jax._src.interpreters import mlir
    from jax._src.lib.mlir import ir
    from jax.experimental import topologies
    from jaxlib import xla_client

    about = {"platform": "cuda", "topology_name": "", "topology": "1x1x1"}
    topology = topologies.get_topology_desc(target_config=description(kind), **about)
    device = topology.devices[0]
    with open(path, encoding="utf-8") as file, mlir.make_ir_context():
        module = legalized(ir.Module.parse(file.read()), ir)
        program = device.client.compile(
            module,
            executable_devices=xla_client.DeviceList((device,)),
            compile_options=compiler.get_compile_options(num_replicas=1, num_partitions=1),
        )
    text = program.hlo_modules()[0].to_string()
    targets = collections.Counter(re.findall(r'custom_call_target="([^"]+)"', text))
    fusions = len(re.findall(r" fusion\(", text))
    print(json.dumps({"fusions": fusions, "calls": dict(targets), "kind": device.device_kind}))


if __name__ == "__main__":
    flags = "--xla_gpu_autotune_level=0"  # it would take the device
    for folder in glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/*"):
        if os.path.isdir(f"{folder}/nvvm/libdevice"):
            flags += f" --xla_gpu_cuda_data_dir={folder}"
    os.environ |= {"XLA_FLAGS": flags, "JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1", "JAX_PLATFORMS": ""}
    main(*sys.argv[1:])
