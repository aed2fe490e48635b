"""Goldens of all schedulers except DDPM and DDIM: whole runs over the grid of their options.

torch 2.13.0 (CPU), diffusers 0.40.0.dev0, commit 58eb52c0803ea9af3abec60841c2a093bdf1f951,
scipy 1.17.1, torchsde 0.2.6 from its repository.
Run: PYTHONPATH=<diffusers>/src:<torchsde> python reference/solvers.py

A case draws its start (2, 3, 2, 2) from a generator seeded with `seed`; the scheduler's noise comes
from the same generator. The model is a toy, see TOY. Stored: `<case>`, the samples after the steps
whose indices are in `stored_steps`, stacked in that order.
"""

import numpy
import torch
import diffusers
from diffusers.schedulers.scheduling_dpmsolver_sde import DPMSolverSDEScheduler

import golden

TOY = ("model_output = 0.8 * scale_model_input(sample) + t / 2000; "
       "variance_type learned_range: cat([model_output, 0.3 * sample], dim=1)")

FILES = {
    "model_linear": {},
    "model_celebahq": {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    "model_cosine": {"beta_schedule": "squaredcos_cap_v2"},
    "model_stable_diffusion": {"beta_schedule": "scaled_linear", "beta_start": 0.00085,
                               "beta_end": 0.012, "steps_offset": 1},
    "model_hundred": {"num_train_timesteps": 100},
    "model_trained_betas": {"num_train_timesteps": 100,
                            "trained_betas": [0.001 * (1 + i % 7) for i in range(100)]},
}
SPACINGS = {
    "leading": {"timestep_spacing": "leading"},
    "leading_offset": {"timestep_spacing": "leading", "steps_offset": 1},
    "linspace": {"timestep_spacing": "linspace"},
    "trailing": {"timestep_spacing": "trailing"},
    "trailing_7": {"timestep_spacing": "trailing", "steps": 7},
}
COUNTS = {"steps_1": {"steps": 1}, "steps_2": {"steps": 2}, "steps_3": {"steps": 3},
          "steps_7": {"steps": 7}, "steps_20": {"steps": 20}}
PREDICTIONS = {"sample": {"prediction_type": "sample"},
               "v_prediction": {"prediction_type": "v_prediction"}}
V = PREDICTIONS["v_prediction"]
SIGMAS = {
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
    "beta": {"use_beta_sigmas": True},
    "karras_v_prediction": {"use_karras_sigmas": True, **V},
    "karras_cosine": {"use_karras_sigmas": True, "beta_schedule": "squaredcos_cap_v2"},
    "karras_1": {"use_karras_sigmas": True, "steps": 1},
    "beta_20": {"use_beta_sigmas": True, "steps": 20},
    "exponential_leading": {"use_exponential_sigmas": True, "timestep_spacing": "leading"},
}
ZERO_SNR = {
    "zero_snr": {"rescale_betas_zero_snr": True, "timestep_spacing": "trailing", **V},
    "zero_snr_cosine": {"rescale_betas_zero_snr": True, "beta_schedule": "squaredcos_cap_v2", **V},
    "zero_snr_linspace": {"rescale_betas_zero_snr": True, "timestep_spacing": "linspace", **V},
}
THRESHOLDS = {
    "thresholding": {"thresholding": True},
    "thresholding_ratio_and_maximum": {"thresholding": True, "dynamic_thresholding_ratio": 0.8,
                                       "sample_max_value": 1.7},
}
CLIPS = {"clip": {"clip_sample": True}, "clip_range": {"clip_sample": True, "clip_sample_range": 2.0}}
BASE = FILES | COUNTS | PREDICTIONS
NO_SAMPLE = FILES | COUNTS | {"v_prediction": V}
FINAL = {"sigma_min": {"final_sigmas_type": "sigma_min"},
         "sigma_min_karras": {"final_sigmas_type": "sigma_min", "use_karras_sigmas": True},
         "sigma_min_exponential": {"final_sigmas_type": "sigma_min", "use_exponential_sigmas": True}}
CUSTOM = {"custom_timesteps": {"custom_timesteps": [999, 700, 350, 120, 20, 3]}}


def combined(*axes):
    """Every choice of one option set from each axis."""
    result = {"": {}}
    for axis in axes:
        result = {f"{a}{'_' if a else ''}{b}": x | y for a, x in result.items() for b, y in axis.items()}
    return result


ORDERS = {f"order_{o}": {"solver_order": o} for o in (1, 2, 3)}
LENGTHS = {"": {}, "20": {"steps": 20}}
MULTISTEP_ALGORITHMS = combined(
    {"pp": {}, "sde_pp": {"algorithm_type": "sde-dpmsolver++"},
     "plain": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}},
    ORDERS, {"midpoint": {}, "heun": {"solver_type": "heun"}}, {"20": {"steps": 20}}) | combined(
    {"sde": {"algorithm_type": "sde-dpmsolver", "final_sigmas_type": "sigma_min"}},
    {f"order_{o}": {"solver_order": o} for o in (1, 2)},
    {"midpoint": {}, "heun": {"solver_type": "heun"}}, {"8": {"steps": 8}})
DPM_SHARED = {
    "learned_range": {"variance_type": "learned_range"},
    "lambda_min_clipped": {"lambda_min_clipped": -3.0},
    "as_deis": {"algorithm_type": "deis", "solver_type": "logrho", "final_sigmas_type": "sigma_min"},
}

CASES = {
    "PNDMScheduler": {name: {"steps": 10} | options for name, options in (
        FILES | SPACINGS | {"v_prediction": V, "steps_4": {"steps": 4}, "steps_7": {"steps": 7},
        "steps_20": {"steps": 20}, "alpha_one": {"set_alpha_to_one": True}}).items()} | {
        f"skip_{name}": {"skip_prk_steps": True, **options}
        for name, options in (NO_SAMPLE | SPACINGS).items()},
    "LMSDiscreteScheduler": BASE | SPACINGS | SIGMAS,
    "EulerDiscreteScheduler": BASE | SPACINGS | SIGMAS | ZERO_SNR | FINAL | CUSTOM | {
        "log_linear": {"interpolation_type": "log_linear"},
        "log_linear_karras": {"interpolation_type": "log_linear", "use_karras_sigmas": True},
        "continuous": {"timestep_type": "continuous", **V},
        "sigma_range": {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 50.0},
        "churn": {"step": {"s_churn": 4.0}},
        "churn_v_prediction": {"step": {"s_churn": 40.0, "s_noise": 1.1}, **V},
        "churn_range": {"step": {"s_churn": 4.0, "s_tmin": 1.0, "s_tmax": 20.0, "s_noise": 1.003},
                        "use_karras_sigmas": True},
    },
    "EulerAncestralDiscreteScheduler": NO_SAMPLE | SPACINGS | ZERO_SNR,
    "HeunDiscreteScheduler": BASE | SPACINGS | SIGMAS | CLIPS | CUSTOM | {
        "exp": {"beta_schedule": "exp"}},
    "DPMSolverMultistepScheduler": BASE | SPACINGS | SIGMAS | ZERO_SNR | THRESHOLDS | FINAL | CUSTOM
    | DPM_SHARED | MULTISTEP_ALGORITHMS | {
        "lu": {"use_lu_lambdas": True},
        "lambda_min_clipped_trailing": {"lambda_min_clipped": -3.0, "timestep_spacing": "trailing"},
        "euler_at_final": {"euler_at_final": True, "final_sigmas_type": "sigma_min", "steps": 20},
        "not_lower": {"lower_order_final": False, "final_sigmas_type": "sigma_min",
                      "solver_order": 3},
        "plain_thresholding": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min",
                               "thresholding": True},
        "plain_v_prediction": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", **V},
        "plain_sample": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min",
                         "prediction_type": "sample"},
        "sde_karras": {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True,
                       "thresholding": True},
    },
    "DPMSolverSinglestepScheduler": {
        name: {k: v for k, v in options.items() if k not in ("timestep_spacing", "steps_offset")}
        for name, options in (BASE | SIGMAS).items()} | THRESHOLDS | FINAL | CUSTOM | DPM_SHARED | combined(
        {"pp": {}, "sde_pp": {"algorithm_type": "sde-dpmsolver++"},
         "plain": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}},
        ORDERS, {"midpoint": {}, "heun": {"solver_type": "heun"}}, {"12": {"steps": 12}}) | combined(
        {"lower": {"lower_order_final": True}, "open": {"final_sigmas_type": "sigma_min"}}, ORDERS,
        {str(n): {"steps": n} for n in (6, 7, 8)}),
    "DPMSolverSDEScheduler": NO_SAMPLE | SPACINGS | SIGMAS | {
        "seeded": {"noise_sampler_seed": 11}, "s_noise": {"step": {"s_noise": 0.7}}},
    "DEISMultistepScheduler": BASE | SPACINGS | SIGMAS | THRESHOLDS | ORDERS | {
        "order_2_20": {"solver_order": 2, "steps": 20}, "order_3_20": {"solver_order": 3, "steps": 20},
        "order_3_karras_20": {"solver_order": 3, "steps": 20, "use_karras_sigmas": True},
        "not_lower": {"lower_order_final": False, "solver_order": 3},
        "as_dpmsolver": {"algorithm_type": "dpmsolver++", "solver_type": "midpoint"}},
    "UniPCMultistepScheduler": BASE | SPACINGS | SIGMAS | ZERO_SNR | THRESHOLDS | FINAL | combined(
        {f"order_{o}": {"solver_order": o} for o in (1, 2, 3, 4)},
        {"x0": {}, "eps": {"predict_x0": False, "final_sigmas_type": "sigma_min"}},
        {"bh1": {"solver_type": "bh1", "final_sigmas_type": "sigma_min"}, "bh2": {}}) | {
        "order_3_20": {"solver_order": 3, "steps": 20},
        "not_lower": {"lower_order_final": False, "final_sigmas_type": "sigma_min"},
        "disable_corrector": {"disable_corrector": [0, 1, 4]},
        "sigma_range": {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 50.0},
        "sigma_range_end": {"use_exponential_sigmas": True, "sigma_min": 0.1, "sigma_max": 50.0,
                            "final_sigmas_type": "sigma_min"},
        "eps_v_prediction": {"predict_x0": False, "final_sigmas_type": "sigma_min", **V},
        "eps_sample": {"predict_x0": False, "final_sigmas_type": "sigma_min",
                       "prediction_type": "sample"},
        "as_dpmsolver": {"solver_type": "midpoint"}},
    "LCMScheduler": {name: options for name, options in BASE.items()} | CLIPS | THRESHOLDS | CUSTOM | {
        "original_100": {"original_inference_steps": 100, "steps": 6},
        "original_37": {"original_inference_steps": 37, "steps": 5},
        "scaling": {"timestep_scaling": 0.01},
        "zero_snr": {"rescale_betas_zero_snr": True, **V}},
}
# After the others, whose seeds count the cases.
MORE = {
    "TCDScheduler": {
        **BASE, **CUSTOM,
        "clip": {"clip_sample": True, "thresholding": True},  # both without effect
        "original_100": {"original_inference_steps": 100, "steps": 6},
        "original_37": {"original_inference_steps": 37, "steps": 5},
        "zero_snr": {"rescale_betas_zero_snr": True, **V},
        "eta_0": {"step": {"eta": 0.0}}, "eta_1": {"step": {"eta": 1.0}},
        "eta_0_sample": {"step": {"eta": 0.0}, "prediction_type": "sample"},
        "eta_v_prediction": {"step": {"eta": 0.7}, "steps": 4, **V}},
    "KDPM2DiscreteScheduler": NO_SAMPLE | SPACINGS | SIGMAS,
    "KDPM2AncestralDiscreteScheduler": dict(NO_SAMPLE | SPACINGS | SIGMAS),
}
del MORE["KDPM2AncestralDiscreteScheduler"]["steps_3"]  # its first timestep in between is rounding to 2e-3
MORE["TCDScheduler"] = {name: {"step": {"eta": 0.3}} | options for name, options in MORE["TCDScheduler"].items()}
# Saved by one class, read by another: the reader ignores unknown keys.
CONVERTED = [
    ("DDPMScheduler", to, {"clip_sample": True, "thresholding": True, "variance_type": "fixed_large",
                           "beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": True,
                           "prediction_type": "v_prediction", "timestep_spacing": "leading"})
    for to in CASES if to not in ("LCMScheduler",)
] + [
    ("EulerDiscreteScheduler", "DPMSolverMultistepScheduler",
     {"use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 30.0}),
    ("DEISMultistepScheduler", "UniPCMultistepScheduler", {"solver_order": 3}),
    ("UniPCMultistepScheduler", "DPMSolverSinglestepScheduler", {"solver_order": 3}),
    ("DPMSolverMultistepScheduler", "DEISMultistepScheduler", {"use_exponential_sigmas": True}),
]


def class_of(name):
    """`diffusers` itself hides the SDE scheduler unless torchsde is an installed package."""
    return DPMSolverSDEScheduler if "SDE" in name else getattr(diffusers, name)


def toy(scaled, sample, t, variance_type):
    output = 0.8 * scaled + t / 2000
    return torch.cat([output, 0.3 * sample], dim=1) if variance_type == "learned_range" else output


def case(name, kind, options, seed, tensors, source=None):
    options = dict(options)
    custom, steps = options.pop("custom_timesteps", None), options.pop("steps", 8)
    step = options.pop("step", {})
    saved = golden.config_of(class_of(source or kind)(**options))
    scheduler = class_of(kind).from_config(saved)
    if custom:
        scheduler.set_timesteps(timesteps=custom)
    else:
        scheduler.set_timesteps(steps)
    if kind != "PNDMScheduler" and len(scheduler.timesteps) > 1 and scheduler.timesteps[0] == scheduler.timesteps[1]:
        scheduler.set_begin_index(0)  # otherwise it begins with the second and runs past the end
    # Brownian motion is seeded from the global generator, which is then the only one.
    generator = torch.manual_seed(seed) if "SDE" in kind else torch.Generator().manual_seed(seed)
    takes_generator = "generator" in scheduler.step.__code__.co_varnames
    sample = torch.randn(2, 3, 2, 2, generator=generator) * scheduler.init_noise_sigma
    if takes_generator:
        step = step | {"generator": generator}
    samples = []
    for t in scheduler.timesteps:
        output = toy(scheduler.scale_model_input(sample, t), sample, t, options.get("variance_type"))
        sample = scheduler.step(output, t, sample, **step).prev_sample
        samples.append(sample)
    if not torch.isfinite(torch.stack(samples)).all():
        print(f"{name}: not finite, left out")
        return None
    last = len(samples) - 1
    stored = sorted({i for i in (0, 1, 2, last // 2, last - 1, last) if 0 <= i <= last})
    tensors[name] = torch.stack([samples[i] for i in stored])
    step.pop("generator", None)
    return {"name": name, "class": kind, "config": saved if source else {"_class_name": kind, **options}, "seed": seed,
            "num_inference_steps": len(custom) if custom else steps, "custom_timesteps": custom or [],
            "step": step, "init_noise_sigma": float(scheduler.init_noise_sigma),
            "timesteps": scheduler.timesteps.tolist(), "stored_steps": stored}


def seeds():
    """numpy's seed sequences."""
    keys = [(0, ()), (42, ()), (2**63 - 5, ()), (42, (0, 0)), (42, (5, 3)), (2**40, (2**35 + 1, 40))]
    return [{"entropy": entropy, "spawn_key": list(key),
             "state": numpy.random.SeedSequence(entropy, spawn_key=key, pool_size=24)
             .generate_state(5).tolist()} for entropy, key in keys]


def motion(tensors):
    """Increments of torchsde's tree, in the order of the queries."""
    import torchsde
    tree = torchsde.BrownianInterval(t0=0.0292, t1=157.4, size=(2, 3), dtype=torch.float32,
                                     device=torch.device("cpu"), entropy=77, tol=1e-6, pool_size=24,
                                     halfway_tree=True)
    queries = [(100.0, 157.4), (30.25, 100.0), (0.0292, 0.5), (0.5, 30.25), (3.1234567, 3.1235),
               (0.0292, 157.4), (99.999999, 100.0), (20.0, 120.0)]
    tensors["motion"] = torch.stack([tree(a, b) for a, b in queries])
    return {"start": 0.0292, "end": 157.4, "entropy": 77, "queries": queries}


def main():
    tensors, cases = {}, []
    runs = [(f"{kind.removesuffix('Scheduler')}.{name}", kind, options, None)
            for kind, all_options in CASES.items() for name, options in all_options.items()]
    runs += [(f"{to}.from_{source}_{i}", to, options, source)
             for i, (source, to, options) in enumerate(CONVERTED)]
    runs += [(f"{kind.removesuffix('Scheduler')}.{name}", kind, options, None)
             for kind, all_options in MORE.items() for name, options in all_options.items()]
    runs += [(f"{to}.from_DDPMScheduler", to, CONVERTED[0][2], "DDPMScheduler") for to in MORE if to != "TCDScheduler"]
    for i, (name, kind, options, source) in enumerate(runs):
        try:
            cases.append(case(name, kind, options, 500 + i, tensors, source))
        except (AssertionError, IndexError, NotImplementedError, TypeError, ValueError) as e:
            print(f"{name}: diffusers fails, left out: {e!r}"[:150])
    document = {"toy_model": TOY, "cases": [c for c in cases if c], "seeds": seeds(),
                "motion": motion(tensors)}
    golden.write("solvers", document, tensors)


main()
