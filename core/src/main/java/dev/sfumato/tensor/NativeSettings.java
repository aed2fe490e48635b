package dev.sfumato.tensor;

import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.util.Map;

/**
 * Settings that native libraries read from the environment of the process once, when they are
 * loaded. Java cannot change that environment, the C library can. What the user has set stays.
 */
final class NativeSettings {
  /**
   * The engine brings two thread pools, OpenMP's and OpenBLAS's, which wait by spinning on the same
   * cores. So OpenBLAS gets one thread, and OpenMP's spin only for a moment: on a busy machine the
   * default takes several times the processor time. The engine's errors come as exceptions and need
   * no log.
   */
  private static final Map<String, String> ENVIRONMENT =
      Map.of(
          "OPENBLAS_NUM_THREADS", "1",
          "GOMP_SPINCOUNT", "10000",
          "TORCH_CPP_LOG_LEVEL", "FATAL");

  // The names and numbers of malloc.h
  private static final int M_TRIM_THRESHOLD = -1;
  private static final int M_TOP_PAD = -2;
  private static final int M_MMAP_THRESHOLD = -3;
  private static final int M_ARENA_MAX = -8;

  private NativeSettings() {}

  /** Must come before a library of the engine is loaded. Does nothing but on Linux. */
  static void apply() {
    if (!Platform.isLinux()) {
      return;
    }
    try {
      C c = Native.load("c", C.class);
      ENVIRONMENT.forEach((name, value) -> c.setenv(name, value, 0));
      keepFreedTensors(c);
    } catch (LinkageError e) {
      System.getLogger(NativeSettings.class.getName())
          .log(System.Logger.Level.DEBUG, "the engine runs with its own settings", e);
    }
  }

  /**
   * Freed tensors stay with the process. By default every larger one is mapped and unmapped, and
   * the kernel zeroes its pages each time, which makes sampling half as slow again. Those above 60
   * MB are mapped even so: in the heap they leave holes that cost a gigabyte at 256 x 256.
   */
  private static void keepFreedTensors(C c) {
    set(c, "MALLOC_ARENA_MAX", M_ARENA_MAX, 1);
    set(c, "MALLOC_MMAP_THRESHOLD_", M_MMAP_THRESHOLD, 60_000_000);
    set(c, "MALLOC_TRIM_THRESHOLD_", M_TRIM_THRESHOLD, Integer.MAX_VALUE);
    set(c, "MALLOC_TOP_PAD_", M_TOP_PAD, 64 << 20);
  }

  private static void set(C c, String variable, int parameter, int value) {
    if (System.getenv(variable) == null) {
      c.mallopt(parameter, value);
    }
  }

  /** Functions of the C library. */
  interface C extends com.sun.jna.Library {
    int setenv(String name, String value, int overwrite);

    int mallopt(int parameter, int value);
  }
}
