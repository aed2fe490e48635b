package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Properties;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.global.torch;

/**
 * The native engine as a whole: its threads, its arithmetic, and how its errors reach the user.
 *
 * <p>Loading this class prepares the engine, so every native object of this package, constants
 * included, is made inside {@link #call}.
 */
public final class Engine {
  private static final int THREADS_PER_PROCESSOR = 8; // more only wait for each other

  static {
    // JavaCPP reads these when its first class is initialised. Scopes free native memory; left
    // alone, JavaCPP counts every allocation against the Java heap's limit and calls the garbage
    // collector, up to ten times with pauses, when it passes that limit.
    setDefault("org.bytedeco.javacpp.nopointergc", "true");
    setDefault("org.bytedeco.javacpp.maxBytes", "0");
    setDefault("org.bytedeco.javacpp.maxPhysicalBytes", "0");
    NativeSettings.apply();
    checkVersionsSilently();
    NativeLibraries.load(Engine::leaveOutNnpack);
    limitThreads();
  }

  private static final Pattern NATIVE_FRAMES =
      Pattern.compile("\\nException raised from|\\s*frame #0:");

  private Engine() {}

  /**
   * Does what loading this class does: to be called before another library that comes through
   * JavaCPP is used.
   */
  public static void prepare() {}

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /**
   * Spares the user the warning that OpenBLAS is of another release than JavaCPP, which is so on
   * purpose. The binding of OpenBLAS checks that once, when its class is initialised, and does not
   * warn while libraries are not to be loaded.
   */
  private static void checkVersionsSilently() {
    String loading = System.getProperty("org.bytedeco.javacpp.loadlibraries");
    System.setProperty("org.bytedeco.javacpp.loadlibraries", "false");
    try {
      Class.forName("org.bytedeco.openblas.presets.openblas_nolapack");
    } catch (ClassNotFoundException e) {
      // An engine without OpenBLAS has nothing to warn of.
    } finally {
      if (loading == null) {
        System.clearProperty("org.bytedeco.javacpp.loadlibraries");
      } else {
        System.setProperty("org.bytedeco.javacpp.loadlibraries", loading);
      }
    }
  }

  /**
   * It would compute some convolutions, on one thread and on some processors only; on the others
   * each of these prints a warning.
   */
  private static void leaveOutNnpack() {
    torch.globalContext().setUserEnabledNNPACK(false);
  }

  /** OMP_NUM_THREADS may ask for more than the system can start. */
  private static void limitThreads() {
    if (torch.get_num_threads() > maxThreads()) {
      torch.set_num_threads(maxThreads());
    }
  }

  private static int maxThreads() {
    return THREADS_PER_PROCESSOR * Runtime.getRuntime().availableProcessors();
  }

  /** The number of threads that one operation may use. */
  public static int threads() {
    return call(torch::get_num_threads);
  }

  /**
   * Sets the number of threads that one operation may use, at any time and for all threads of the
   * program. Matrix products are not bound by it: OpenBLAS has threads of its own, one per core
   * unless {@code OPENBLAS_NUM_THREADS} is set.
   *
   * <p>Results are the same from run to run for one number of threads; between two numbers they
   * differ in the last bits, because sums are added up in another order.
   *
   * @throws SfumatoException if {@code threads} is less than 1 or more than eight for each
   *     processor
   */
  public static void threads(int threads) {
    int most = maxThreads();
    if (threads < 1 || threads > most) {
      throw new SfumatoException(
          "threads must be at least 1 and at most "
              + most
              + ", eight for each processor, not "
              + threads);
    }
    call(
        () -> {
          torch.set_num_threads(threads);
          return threads;
        });
  }

  /** The version of the engine and of its Java binding, such as {@code 2.13.0-1.5.14}. */
  public static String version() {
    Properties properties = new Properties();
    try (InputStream in =
        torch.class.getResourceAsStream("/META-INF/maven/org.bytedeco/pytorch/pom.properties")) {
      properties.load(in == null ? InputStream.nullInputStream() : in);
    } catch (IOException e) {
      return "unknown";
    }
    return properties.getProperty("version", "unknown");
  }

  /** Whether the engine was loaded with CUDA and sees a card. */
  public static boolean hasCuda() {
    return call(() -> torch.hasCUDA() && torch.getNumGPUs() > 0);
  }

  /**
   * Runs one call of the engine, during which no tensor that it works with is freed; its errors
   * become one line without native stack frames.
   */
  static <T> T call(Supplier<T> operation) {
    try {
      return Operand.during(operation);
    } catch (SfumatoException e) {
      throw e;
    } catch (RuntimeException e) {
      throw new SfumatoException(firstLine(String.valueOf(e.getMessage())), e);
    }
  }

  private static String firstLine(String message) {
    String text = NATIVE_FRAMES.split(message, 2)[0].strip();
    return text.lines().map(String::strip).reduce((a, b) -> a + " " + b).orElse("engine error");
  }
}
