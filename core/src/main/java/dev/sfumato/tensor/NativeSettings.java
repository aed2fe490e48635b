package dev.sfumato.tensor;

import com.sun.jna.Native;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Settings that native libraries read from the environment once, when they are loaded. Java cannot
 * change that environment, but the C library can. Values that the user has set stay.
 */
final class NativeSettings {
  /**
   * The engine brings two thread pools, OpenMP's and OpenBLAS's, which wait by spinning on the same
   * cores. So OpenBLAS gets one thread, and OpenMP's threads spin only for a moment: on a busy
   * machine the default costs several times the processor time. The engine's errors come as
   * exceptions and need no log.
   */
  private static final Map<String, String> ENVIRONMENT =
      Map.of(
          "OPENBLAS_NUM_THREADS", "1",
          "GOMP_SPINCOUNT", "10000",
          "TORCH_CPP_LOG_LEVEL", "FATAL");

  /**
   * Keeps the memory of freed tensors in the process. By default every larger one is mapped and
   * unmapped, and the kernel zeroes its pages each time, which makes sampling 50 % slower. Tensors
   * above 60 MB are still mapped: in the heap they leave holes that cost a gigabyte at 256 x 256.
   */
  private static final List<Limit> LIMITS =
      List.of(
          new Limit("MALLOC_ARENA_MAX", -8, 1),
          new Limit("MALLOC_MMAP_THRESHOLD_", -3, 60_000_000),
          new Limit("MALLOC_TRIM_THRESHOLD_", -1, Integer.MAX_VALUE),
          new Limit("MALLOC_TOP_PAD_", -2, 64 << 20));

  /** A limit of malloc with the environment's name for it and its number in malloc.h. */
  private record Limit(String variable, int parameter, int value) {}

  private NativeSettings() {}

  /**
   * Applies the settings; call it before a library of the engine is loaded. It does nothing except
   * on Linux, or if the environment has all of them, as under the launcher: JNA takes as long to
   * load as a picture to draw.
   */
  static void apply() {
    boolean complete =
        Stream.concat(ENVIRONMENT.keySet().stream(), LIMITS.stream().map(Limit::variable))
            .allMatch(System.getenv()::containsKey);
    if (complete || !System.getProperty("os.name").equals("Linux")) {
      return;
    }
    try {
      C c = Native.load("c", C.class);
      ENVIRONMENT.forEach((name, value) -> c.setenv(name, value, 0));
      LIMITS.stream()
          .filter(limit -> System.getenv(limit.variable) == null)
          .forEach(limit -> c.mallopt(limit.parameter, limit.value));
    } catch (LinkageError e) {
      System.getLogger(NativeSettings.class.getName())
          .log(System.Logger.Level.DEBUG, "the engine runs with its own settings", e);
    }
  }

  /** Functions of the C library. */
  interface C extends com.sun.jna.Library {
    int setenv(String name, String value, int overwrite);

    int mallopt(int parameter, int value);
  }
}
