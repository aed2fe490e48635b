package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The available update rules. */
public enum SchedulerKind {
  /** Ho et al. 2020: fresh noise at each step. */
  DDPM("DDPMScheduler", DdpmScheduler::new),
  /** Song et al. 2020: few steps, deterministic unless eta is above 0. */
  DDIM("DDIMScheduler", DdimScheduler::new),
  /** Liu et al. 2022: Runge-Kutta, then a linear multistep method. */
  PNDM("PNDMScheduler", PndmScheduler::new),
  /** The linear multistep method over sigma. */
  LMS("LMSDiscreteScheduler", LmsScheduler::new),
  /** Karras et al. 2022: Euler's method over sigma. */
  EULER("EulerDiscreteScheduler", EulerScheduler::new),
  /** Euler's method with fresh noise at each step. */
  EULER_ANCESTRAL("EulerAncestralDiscreteScheduler", EulerAncestralScheduler::new),
  /** Karras et al. 2022: Heun's method over sigma, two evaluations a step. */
  HEUN("HeunDiscreteScheduler", HeunScheduler::new),
  /** Lu et al. 2022: a multistep method over the logarithm of sigma. */
  DPMSOLVER_PLUS_PLUS("DPMSolverMultistepScheduler", DpmMultistepScheduler::new),
  /** Lu et al. 2022: the same in blocks of several evaluations. */
  DPMSOLVER_SINGLESTEP("DPMSolverSinglestepScheduler", DpmSinglestepScheduler::new),
  /** The same with fresh noise, two evaluations a step. */
  DPMSOLVER_SDE("DPMSolverSDEScheduler", DpmSdeScheduler::new),
  /** Zhang and Chen 2022: an exponential integrator over log(sigma). */
  DEIS("DEISMultistepScheduler", DeisScheduler::new),
  /** Zhao et al. 2023: a predictor and a corrector of any order. */
  UNIPC("UniPCMultistepScheduler", UniPcScheduler::new),
  /** Luo et al. 2023: a few steps of a model distilled for them. */
  LCM("LCMScheduler", LcmScheduler::new),
  /** Zheng et al. 2024: the same for models that jump to any timestep. */
  TCD("TCDScheduler", TcdScheduler::new),
  /** Karras et al. 2022: the midpoint method over log(sigma), two evaluations a step. */
  KDPM2("KDPM2DiscreteScheduler", Kdpm2Scheduler::deterministic),
  /** The same with fresh noise at each step. */
  KDPM2_ANCESTRAL("KDPM2AncestralDiscreteScheduler", Kdpm2Scheduler::ancestral);

  private final String className;
  private final Function<SchedulerConfig, Scheduler> maker;

  SchedulerKind(String className, Function<SchedulerConfig, Scheduler> maker) {
    this.className = className;
    this.maker = maker;
  }

  /**
   * Reads the name on the command line, such as {@code ddpm} or {@code dpmsolver++}.
   *
   * @throws SfumatoException for another text
   */
  public static SchedulerKind parse(String text) {
    return Spelling.parse(SchedulerKind.class, "scheduler", text);
  }

  /** The name of diffusers' class: {@code _class_name} in {@code scheduler_config.json}. */
  public String className() {
    return className;
  }

  /** The name on the command line. */
  @Override
  public String toString() {
    return Spelling.of(this);
  }

  /**
   * Returns the class with the command-line name {@code name}, or {@code name} itself if there is
   * none.
   */
  static String classNameOf(String name) {
    return Arrays.stream(values())
        .filter(kind -> kind.toString().equals(name))
        .findFirst()
        .map(SchedulerKind::className)
        .orElse(name);
  }

  static SchedulerKind ofClass(String className) {
    return Arrays.stream(values())
        .filter(kind -> kind.className.equals(className))
        .findFirst()
        .orElseThrow(
            () ->
                new SfumatoException(
                    "scheduler "
                        + className
                        + " is not supported: use one of "
                        + Arrays.stream(values())
                            .map(SchedulerKind::toString)
                            .collect(Collectors.joining(", "))));
  }

  Scheduler create(SchedulerConfig config) {
    return maker.apply(config);
  }
}
