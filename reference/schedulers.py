"""Goldens of the DDPM and DDIM schedulers: schedules, timesteps, add_noise, velocity and steps.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951.
Run: PYTHONPATH=<diffusers>/src python reference/schedulers.py

A case draws its start (2, 3, 4, 4) from a generator seeded with `seed`; the scheduler's noise comes
from the same generator. The model is a toy, see TOY. Stored: `<case>.start`, and for the steps
whose indices are in `stored_steps`, stacked in that order, `<case>.samples` (the sample after the
step) and `<case>.predicted_x0`.
"""

import torch
from diffusers import DDIMScheduler, DDPMScheduler

import golden

TOY = ("model_output = 0.8 * sample + t / 2000; variance_type learned_range: "
       "cat([model_output, 0.3 * sample], dim=1); learned: cat([model_output, 0.3 * abs(sample)], dim=1)")
CLASSES = {"DDPMScheduler": DDPMScheduler, "DDIMScheduler": DDIMScheduler}

SCHEDULES = {
    "linear": {},
    "linear_narrow": {"beta_start": 0.0015, "beta_end": 0.0155},
    "scaled_linear": {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    "squaredcos_cap_v2": {"beta_schedule": "squaredcos_cap_v2"},
    "sigmoid": {"beta_schedule": "sigmoid"},
    "laplace": {"beta_schedule": "laplace"},
    "trained_betas": {"trained_betas": [0.001 * (1 + i % 7) for i in range(100)],
                      "num_train_timesteps": 100},
    "hundred": {"num_train_timesteps": 100},
    "zero_snr_linear": {"rescale_betas_zero_snr": True},
    "zero_snr_scaled_linear": {"rescale_betas_zero_snr": True, "beta_schedule": "scaled_linear",
                               "beta_start": 0.00085, "beta_end": 0.012},
    "zero_snr_squaredcos": {"rescale_betas_zero_snr": True, "beta_schedule": "squaredcos_cap_v2"},
}
NOT_IN_DDIM = ("sigmoid", "laplace")

# Options of both schedulers.
SHARED = {
    **{f"schedule_{name}": options for name, options in SCHEDULES.items()
       if not name.startswith("zero_snr")},
    "steps_7": {"steps": 7},
    "steps_50": {"steps": 50},
    "steps_7_of_100": {"steps": 7, "num_train_timesteps": 100},
    "steps_all_of_25": {"steps": 25, "num_train_timesteps": 25},
    "sample": {"prediction_type": "sample"},
    "v_prediction": {"prediction_type": "v_prediction"},
    "clip_range": {"clip_sample_range": 2.0},
    "no_clip": {"clip_sample": False, "beta_schedule": "squaredcos_cap_v2", "steps": 7},
    "no_clip_v_prediction": {"clip_sample": False, "prediction_type": "v_prediction"},
    "thresholding": {"thresholding": True},
    "thresholding_ratio_and_maximum": {"thresholding": True, "dynamic_thresholding_ratio": 0.8,
                                       "sample_max_value": 1.7, "clip_sample": False},
    "linspace": {"timestep_spacing": "linspace"},
    "trailing": {"timestep_spacing": "trailing"},
    "trailing_7": {"timestep_spacing": "trailing", "steps": 7},
    "steps_offset": {"steps_offset": 1},
    "zero_snr_v_prediction": {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
                              "prediction_type": "v_prediction", "beta_schedule": "scaled_linear"},
}
DDPM = SHARED | {
    **{variance: {"variance_type": variance}
       for variance in ("fixed_small_log", "fixed_large", "learned", "learned_range")},
    "fixed_large_trailing": {"variance_type": "fixed_large", "timestep_spacing": "trailing", "steps": 7},
    "learned_range_v_prediction": {"variance_type": "learned_range", "prediction_type": "v_prediction"},
    "custom_timesteps": {"custom_timesteps": [999, 700, 350, 120, 20, 3]},
}
DDIM = {name: options for name, options in SHARED.items()
        if name.removeprefix("schedule_") not in NOT_IN_DDIM} | {
    "eta_half": {"eta": 0.5},
    "eta_1": {"eta": 1.0},
    "eta_1_trailing_v_prediction": {"eta": 1.0, "timestep_spacing": "trailing",
                                    "prediction_type": "v_prediction"},
    "clipped_output": {"use_clipped_model_output": True},
    "clipped_output_eta_half": {"use_clipped_model_output": True, "eta": 0.5,
                                "prediction_type": "sample"},
    "alpha_not_one": {"set_alpha_to_one": False, "steps_offset": 1},
    "stable_diffusion": {"set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False,
                         "beta_schedule": "scaled_linear", "beta_start": 0.00085,
                         "beta_end": 0.012, "prediction_type": "v_prediction"},
}
# A config saved by one scheduler, read by the other, as `from_config` does.
CONVERTED = {
    "ddim.from_ddpm": ("DDPMScheduler", "DDIMScheduler", {
        "variance_type": "fixed_large", "beta_schedule": "squaredcos_cap_v2", "clip_sample": False,
        "prediction_type": "v_prediction"}),
    "ddpm.from_ddim": ("DDIMScheduler", "DDPMScheduler", {
        "set_alpha_to_one": False, "steps_offset": 1, "clip_sample_range": 1.5}),
}
# beta_schedule and steps of the timestep tables, with halves to round and ratios that do not divide
COUNTS = {1000: [1, 2, 3, 6, 7, 11, 24, 27, 50, 999, 1000], 100: [3, 7, 8, 30]}


def toy(sample, t, variance_type):
    output = 0.8 * sample + t / 2000
    if variance_type == "learned_range":
        return torch.cat([output, 0.3 * sample], dim=1)
    if variance_type == "learned":
        return torch.cat([output, 0.3 * sample.abs()], dim=1)
    return output


def case(name, class_name, options, seed, tensors, source=None):
    options = dict(options)
    run = {key: options.pop(key) for key in ("eta", "use_clipped_model_output") if key in options}
    custom, steps = options.pop("custom_timesteps", None), options.pop("steps", 10)
    saved = golden.config_of(CLASSES[source or class_name](**options))
    scheduler = CLASSES[class_name].from_config(saved)
    if custom:
        steps = None
        scheduler.set_timesteps(timesteps=custom)
    else:
        scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    sample = tensors[f"{name}.start"] = torch.randn(2, 3, 4, 4, generator=generator)
    samples, predicted = [], []
    for t in scheduler.timesteps:
        output = toy(sample, t, scheduler.config.get("variance_type"))
        result = scheduler.step(output, t, sample, generator=generator, **run)
        sample = result.prev_sample
        samples.append(sample)
        predicted.append(result.pred_original_sample)
    stored = sorted(set(range(min(6, len(samples)))) | {len(samples) - 1})
    tensors[f"{name}.samples"] = torch.stack([samples[i] for i in stored])
    tensors[f"{name}.predicted_x0"] = torch.stack([predicted[i] for i in stored])
    print(f"{name:40} last {sample.std():6.3f} largest {torch.stack(samples).abs().max():6.2f} "
          f"x0 {torch.stack(predicted).abs().max():6.2f}")
    return {"name": name, "class": class_name, "config": saved, "seed": seed,
            "num_inference_steps": steps, "custom_timesteps": custom,
            "eta": run.get("eta", 0.0),
            "use_clipped_model_output": run.get("use_clipped_model_output", False),
            "timesteps": scheduler.timesteps.tolist(), "stored_steps": stored}


def steps(tensors):
    runs = [(f"ddpm.{name}", "DDPMScheduler", options, None) for name, options in DDPM.items()]
    runs += [(f"ddim.{name}", "DDIMScheduler", options, None) for name, options in DDIM.items()]
    runs += [(name, reader, options, writer)
             for name, (writer, reader, options) in CONVERTED.items()]
    return [case(name, kind, options, 500 + i, tensors, source)
            for i, (name, kind, options, source) in enumerate(runs)]


def schedules(tensors):
    """Betas, their products, and noise added to a sample: DDPM's, equal to DDIM's."""
    result = []
    for i, (name, options) in enumerate(SCHEDULES.items()):
        scheduler = DDPMScheduler(**options)
        seed, last = 900 + i, scheduler.config.num_train_timesteps - 1
        generator = torch.Generator().manual_seed(seed)
        sample, noise = (torch.randn(4, 3, 4, 4, generator=generator) for _ in range(2))
        timesteps = torch.tensor([0, 7, last // 2, last])
        key = f"schedule.{name}"
        tensors |= {f"{key}.betas": scheduler.betas, f"{key}.alphas_cumprod": scheduler.alphas_cumprod,
                    f"{key}.sample": sample, f"{key}.noise": noise,
                    f"{key}.noisy": scheduler.add_noise(sample, noise, timesteps),
                    f"{key}.velocity": scheduler.get_velocity(sample, noise, timesteps)}
        if name not in NOT_IN_DDIM:
            assert torch.equal(DDIMScheduler(**options).alphas_cumprod, scheduler.alphas_cumprod)
        result.append({"name": name, "config": golden.config_of(scheduler), "seed": seed,
                       "timesteps": timesteps.tolist()})
    return result


def timesteps():
    result = []
    for train, counts in COUNTS.items():
        for spacing in ("leading", "linspace", "trailing"):
            for offset in (0, 1) if spacing == "leading" else (0,):
                for count in counts:
                    if count + offset > train:
                        continue  # diffusers makes a timestep past the end and fails at that step
                    options = {"num_train_timesteps": train, "timestep_spacing": spacing,
                               "steps_offset": offset}
                    scheduler, other = DDPMScheduler(**options), DDIMScheduler(**options)
                    scheduler.set_timesteps(count)
                    other.set_timesteps(count)
                    assert torch.equal(scheduler.timesteps, other.timesteps)
                    result.append(options | {"num_inference_steps": count,
                                             "timesteps": scheduler.timesteps.tolist()})
    return result


def main():
    tensors = {}
    document = {"toy_model": TOY, "cases": steps(tensors), "schedules": schedules(tensors),
                "timesteps": timesteps(),
                "not_a_number": "variance_type fixed_large_log: diffusers takes the square root of a "
                                "logarithm, which is negative; no golden is possible"}
    golden.write("schedulers", document, tensors)


main()
