package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.tensor.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The shell script that starts the program, under odd locales and with odd streams. */
class LauncherTest {
  @TempDir private Path folder;

  @BeforeEach
  void unpack() throws IOException {
    Path launcher = Path.of("../sfumato");
    assumeTrue(Files.exists(launcher), "the launcher is not here");
    Files.createDirectories(folder.resolve("lib"));
    Files.copy(launcher, Files.createDirectories(folder.resolve("bin")).resolve("sfumato"));
    Calls.pictures(folder.resolve("data"), 2);
    Calls.config(folder);
  }

  /** Runs a shell's script in {@link #folder}, in which $e is the letter é in UTF-8. */
  private String shell(String script, int status) throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    String line =
        "set -e; e=$(printf '\\303\\251'); sfumato() { sh bin/sfumato \"$@\"; }; " + script;
    ProcessBuilder builder = new ProcessBuilder("sh", "-c", line).directory(folder.toFile());
    builder.environment().put("SFUMATO_CLASSPATH", System.getProperty("java.class.path"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    Process process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
    String said = Files.readString(log);
    assertWithMessage(said).that(process.exitValue()).isEqualTo(status);
    return said;
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/full", "&-"})
  void outputThatIsFullOrClosedIsAnError(String stream) throws Exception {
    assumeTrue(Files.exists(Path.of("/dev/full")), "this system has no /dev/full");
    assertThat(shell("sfumato version >" + stream, 1))
        .isEqualTo("error: standard output cannot be written: it is full or closed\n");
  }

  /** As with {@code head}: what the reader does not want is not an error. */
  @Test
  void aReaderThatGoesAwayIsNotTold() throws Exception {
    String said = shell("{ sfumato help train || echo status $? >&2; } | :", 0);
    assertThat(said).isEqualTo("status 141\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "POSIX"})
  void namesAndTextsAreUtf8InEveryLocale(String locale) throws Exception {
    SmallClip.saved(folder.resolve("clip"));
    String guided =
        "sfumato sample --model ausg$e --steps 1 --scheduler ddim --threads 1 --out x.png"
            + " --guide clip=caf$e --clip clip --cuts 1 --trace ";
    String clip = "sfumato clip --clip clip --image data/a/*.png --json --text caf$e cafe";
    String said =
        shell(
            "export LC_ALL="
                + locale
                + "; mv data/a/0.png data/a/caf$e.png; "
                + clip
                + " > found; LC_ALL=C.UTF-8; "
                + clip
                + " > expected; cmp found expected; grep -q caf$e found; LC_ALL="
                + locale
                + "; sfumato train --data data --output ausg$e --config unet.json --resolution 8"
                + " --batch-size 2 --max-steps 1 --sample-count 0 --threads 1 --log csv;"
                + " test -f ausg$e/model_index.json; "
                + guided
                + "found.csv; LC_ALL=C.UTF-8; "
                + guided
                + "expected.csv; cmp found.csv expected.csv",
            0);
    assertThat(said).doesNotContain("error");
  }

  /** A build by a Maven that is only a script. */
  private void build(String maven) throws IOException {
    Path launcher = Files.createDirectories(folder.resolve("checkout/cli/target"));
    Files.copy(Path.of("../sfumato"), launcher.resolve("../../sfumato"));
    Path tool = Files.createDirectories(folder.resolve("tools")).resolve("mvn");
    Files.writeString(tool, "#!/bin/sh\n" + maven + "\n");
    assertThat(tool.toFile().setExecutable(true)).isTrue();
  }

  private static final String BUILT =
      "export PATH=\"$PWD/tools:$PATH\"; sh checkout/sfumato version";

  @Test
  void theFirstBuildShowsItsParts() throws Exception {
    build("echo '[INFO] Building Sfumato core 0.1                    [1/2]'; echo '[INFO] rest'");
    String said = shell(BUILT, 0);
    assertThat(said).contains("building, once");
    assertThat(said).contains("Building Sfumato core 0.1 [1/2]\n");
    assertThat(said).doesNotContain("rest");
    assertThat(shell(BUILT, 0)).isEqualTo("sfumato 0.1.0\n");
  }

  /** The build is one that only says how it is called. */
  @Test
  void anotherEngineIsBuiltWhenItIsAskedFor() throws Exception {
    build("echo \"[INFO] Building $* [1/1]\"");
    assertThat(shell(BUILT, 0)).contains("-DskipTests package");
    assertThat(shell("export SFUMATO_ENGINE=cpu; " + BUILT, 0)).isEqualTo("sfumato 0.1.0\n");
    assertThat(shell("export SFUMATO_ENGINE=gpu; " + BUILT, 0)).contains("-Pgpu package");
    Path libraries = Files.createDirectories(folder.resolve("checkout/cli/target/lib"));
    Files.createFile(libraries.resolve("pytorch-1-linux-x86_64-gpu.jar"));
    assertThat(shell("export SFUMATO_ENGINE=gpu; " + BUILT, 0)).isEqualTo("sfumato 0.1.0\n");
    assertThat(shell(BUILT, 0)).isEqualTo("sfumato 0.1.0\n"); // the engine stays
    assertThat(shell("export SFUMATO_ENGINE=cpu; " + BUILT, 0)).contains("building, once");
    assertThat(shell("export SFUMATO_ENGINE=tpu; " + BUILT, 2)).contains("gpu or cpu, not tpu");
  }

  @Test
  void anArchiveOfClassesThatDoesNotSuitIsLeftAlone() throws Exception {
    build("exit 1");
    Files.createFile(folder.resolve("checkout/cli/target/built"));
    Files.writeString(folder.resolve("checkout/cli/target/classes.jsa"), "of another Java");
    assertThat(shell(BUILT, 0)).isEqualTo("sfumato 0.1.0\n");
  }

  @Test
  void theWorkingFolderIsNotOnTheClassPath() throws Exception {
    Path services = Files.createDirectories(folder.resolve("META-INF/services"));
    Files.writeString(services.resolve("dev.sfumato.cli.Planted"), "planted");
    build("exit 1");
    Path target = folder.resolve("checkout/cli/target");
    Files.createFile(target.resolve("built"));
    String compiled = Seeking.class.getName().replace('.', '/') + ".class";
    Path copy = target.resolve("classes").resolve(compiled);
    Files.createDirectories(copy.getParent());
    Files.copy(Path.of("target/test-classes").resolve(compiled), copy);
    shell(
        "unset SFUMATO_CLASSPATH; SFUMATO_MAIN='"
            + Seeking.class.getName()
            + "' sh checkout/sfumato",
        0);
  }

  /** A program that fails if it sees what lies in the working folder. */
  static final class Seeking {
    private Seeking() {}

    public static void main(String[] arguments) {
      String planted = "META-INF/services/dev.sfumato.cli.Planted";
      System.exit(Seeking.class.getClassLoader().getResource(planted) == null ? 0 : 1);
    }
  }

  @Test
  void aBuildThatFailsSaysWhy() throws Exception {
    build("echo '[ERROR] no space left on device'; exit 1");
    String said = shell(BUILT, 1);
    assertThat(said).contains("no space left on device");
    assertThat(said).contains("error: the build failed");
    assertThat(Files.exists(folder.resolve("checkout/cli/target/built"))).isFalse();
  }

  /** A program that does nothing but load the engine. */
  static final class Loading {
    private Loading() {}

    public static void main(String[] arguments) {
      Engine.prepare();
    }
  }

  @Test
  void theEngineFindsItsSettingsAndNeedsNoLibraryToMakeThem() throws Exception {
    shell(
        "export SFUMATO_MAIN='"
            + Loading.class.getName()
            + "' JAVA_TOOL_OPTIONS=-Xlog:class+load:file=classes; sfumato sample",
        0);
    String classes = Files.readString(folder.resolve("classes"));
    assertThat(classes).contains(Engine.class.getName());
    assertThat(classes).doesNotContain("com.sun.jna");
  }
}
