"""Goldens of runs that begin in the middle, as in img2img.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/img2img.py

The rule is that of StableDiffusionImg2ImgPipeline.get_timesteps. A case draws x0 and then the noise, both (2, 3, 2, 2), from a
generator seeded with `seed`; the scheduler's noise comes from the same generator. Stored: `<case>`, the noisy start and the
sample after each evaluation, stacked. DPMSolverSDEScheduler is left out: it needs torchsde.
"""

import diffusers
import torch

import golden

TOY = "model_output = 0.8 * scale_model_input(sample) + t / 2000"
KINDS = {
    "DDPMScheduler": {}, "DDIMScheduler": {}, "PNDMScheduler": {"skip_prk_steps": True}, "LMSDiscreteScheduler": {},
    "EulerDiscreteScheduler": {}, "EulerAncestralDiscreteScheduler": {}, "HeunDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {}, "DPMSolverSinglestepScheduler": {}, "DEISMultistepScheduler": {},
    "UniPCMultistepScheduler": {}, "LCMScheduler": {},
}
STABLE_DIFFUSION = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
RUNS = [(8, 0.3), (10, 0.75), (20, 0.8), (7, 1.0)]


def case(name, kind, options, steps, strength, seed, tensors):
    scheduler = getattr(diffusers, kind)(**options)
    scheduler.set_timesteps(steps)
    start = max(steps - min(int(steps * strength), steps), 0)
    timesteps = scheduler.timesteps[start * scheduler.order:]
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(start * scheduler.order)
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.randn(2, 3, 2, 2, generator=generator)
    noise = torch.randn(2, 3, 2, 2, generator=generator)
    sample = scheduler.add_noise(x0, noise, timesteps[:1].repeat(2))
    further = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
    samples = [sample]
    for t in timesteps:
        output = 0.8 * scheduler.scale_model_input(sample, t) + t / 2000
        sample = scheduler.step(output, t, sample, **further).prev_sample
        samples.append(sample)
    tensors[name] = torch.stack(samples)
    return {"name": name, "config": {"_class_name": kind, **options}, "seed": seed, "steps": steps,
            "strength": strength, "timesteps": timesteps.tolist()}


def main():
    tensors, cases = {}, []
    for kind, options in KINDS.items():
        for steps, strength in RUNS:
            name = f"{kind.removesuffix('Scheduler')}.{steps}_{strength}"
            settings = {**STABLE_DIFFUSION, **options}
            if "Singlestep" in kind:  # it lacks this setting
                del settings["steps_offset"]
            cases.append(case(name, kind, settings, steps, strength, 900 + len(cases), tensors))
    golden.write("img2img", {"toy_model": TOY, "cases": cases}, tensors)


main()
