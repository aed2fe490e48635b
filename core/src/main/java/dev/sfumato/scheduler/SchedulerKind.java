package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The update rules there are. */
public enum SchedulerKind {
  /** Ho et al. 2020: fresh noise at each step. */
  DDPM("DDPMScheduler", DdpmScheduler::new),
  /** Song et al. 2020: few steps, deterministic unless eta is above 0. */
  DDIM("DDIMScheduler", DdimScheduler::new);

  private final String className;
  private final Function<SchedulerConfig, Scheduler> maker;

  SchedulerKind(String className, Function<SchedulerConfig, Scheduler> maker) {
    this.className = className;
    this.maker = maker;
  }

  /**
   * Reads the name on the command line: {@code ddpm} or {@code ddim}.
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

  /** The class that goes by {@code name} on the command line; else {@code name} itself. */
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
                        + " is not supported: use "
                        + Arrays.stream(values())
                            .map(SchedulerKind::toString)
                            .collect(Collectors.joining(" or "))));
  }

  Scheduler create(SchedulerConfig config) {
    return maker.apply(config);
  }
}
