/**
 * Noise schedules, and the update rules that turn noise into pictures.
 *
 * <p>{@link dev.sfumato.scheduler.SchedulerConfig} is a {@code scheduler_config.json}. {@link
 * dev.sfumato.scheduler.NoiseSchedule} gives the noise at each timestep: training needs nothing
 * else. {@link dev.sfumato.scheduler.Scheduler} samples; it is immutable and shared between
 * threads, and the memory of one sampling lives in the {@link dev.sfumato.scheduler.Run} that
 * {@code begin} returns:
 *
 * <pre>{@code
 * Run run = Scheduler.of(SchedulerConfig.read(file)).begin(50, RunOptions.defaults(), rng);
 * Tensor x = rng.normal(8, 3, 32, 32).mul(run.initNoiseSigma());
 * for (Step step : run) {
 *   x = run.step(unet.forward(run.scaleModelInput(x, step), step.timestep()), x, step);
 * }
 * }</pre>
 *
 * <p>A new update rule is a constant of {@link dev.sfumato.scheduler.SchedulerKind}, its class's
 * defaults in {@code defaults.json}, and a file of its own beside {@code DdpmScheduler}. Its run
 * extends {@code DiscreteRun} (over whole timesteps), {@code SigmaRun} (x = x_0 + sigma eps) or
 * {@code LogSnrRun} (exponential integrators), and keeps its memory in a {@code Memory}.
 *
 * <p>The arithmetic is float32 in diffusers' order, so that the same weights and the same generator
 * give the same picture. Papers: DDPM (Ho et al. 2020, arXiv 2006.11239), DDIM (Song et al. 2020,
 * 2010.02502), improved DDPM (Nichol and Dhariwal 2021, 2102.09672), velocity (Salimans and Ho
 * 2022, 2202.00512), PNDM (Liu et al. 2022, 2202.09778), EDM (Karras et al. 2022, 2206.00364),
 * DPM-Solver and DPM-Solver++ (Lu et al. 2022, 2206.00927 and 2211.01095), DEIS (Zhang and Chen
 * 2022, 2204.13902), UniPC (Zhao et al. 2023, 2302.04867), LCM (Luo et al. 2023, 2310.04378), TCD
 * (Zheng et al. 2024, 2402.19159), dynamic thresholding (Saharia et al. 2022, 2205.11487), zero
 * terminal SNR (Lin et al. 2023, 2305.08891).
 *
 * <p>Notation: {@code alphaCumprod} is the papers' "alpha bar", the share of the clean picture's
 * variance that is left at a timestep: x_t = sqrt(alphaCumprod) x_0 + sqrt(1 - alphaCumprod) eps.
 */
package dev.sfumato.scheduler;
