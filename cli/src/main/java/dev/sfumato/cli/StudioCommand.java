package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.studio.Studio;
import dev.sfumato.studio.StudioOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code sfumato studio}. */
@Command(
    name = "studio",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato studio --open",
      "  sfumato studio --folder ~/models --port 8000"
    },
    description = "Opens a web page on this machine: draw, steer and watch.")
final class StudioCommand implements Callable<Integer> {
  private static final int LOOKS = 200; // milliseconds between looks for Ctrl-C

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "" + StudioOptions.PORT,
      description = "Port of the page; 0: any free one (default: ${DEFAULT-VALUE}).")
  int port;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = "127.0.0.1",
      description =
          "Address to listen at. At any but 127.0.0.1 other machines reach the page, which then"
              + " opens only with the token that is printed (default: ${DEFAULT-VALUE}).")
  String host;

  @Option(names = "--open", description = "Open the page in the browser.")
  boolean open;

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      description =
          "Folder whose models, runs and pictures the page may use; can be given several times"
              + " (default: the current one, and that of the shipped models).")
  List<Path> folders = List.of();

  @Option(
      names = "--home",
      paramLabel = "DIR",
      description = "Folder of the gallery and of uploads (default: ~/.sfumato/studio).")
  Path home = StudioOptions.defaults().home();

  @Mixin DeviceOptions compute;

  @Spec CommandSpec spec;

  @Override
  public Integer call() throws InterruptedException {
    StudioOptions options = WrongCall.checked(spec, this::options);
    try (Interruption.Delay delay = Interruption.delay(); // until a training has saved its work
        Studio studio = Studio.start(options)) {
      System.out.println(studio.address());
      System.out.flush();
      if (open) {
        openBrowser(studio.address().toString());
      }
      while (!Interruption.asked()) {
        Thread.sleep(LOOKS);
      }
    }
    return 0;
  }

  private StudioOptions options() {
    compute.apply();
    return StudioOptions.defaults()
        .withHost(host)
        .withPort(port)
        .withFolders(folders())
        .withHome(home.toAbsolutePath())
        .withDevice(compute.device, compute.precision)
        .withProgram(Files.isExecutable(Path.of("sfumato")) ? "./sfumato" : "sfumato");
  }

  private List<Path> folders() {
    for (Path folder : folders) {
      InvalidOptionException.require(
          Files.isDirectory(folder), "--folder " + folder + ": there is no such folder");
    }
    List<Path> all = new ArrayList<>(folders.isEmpty() ? List.of(Path.of("")) : folders);
    String root = System.getProperty("sfumato.root", ""); // set by the launcher
    Path shipped = Path.of(root, "models");
    boolean known = all.stream().anyMatch(f -> shipped.startsWith(f.toAbsolutePath().normalize()));
    if (!root.isEmpty() && !known && Files.isDirectory(shipped)) {
      all.add(shipped);
    }
    return all;
  }

  private static void openBrowser(String address) {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    List<String> command =
        system.startsWith("mac")
            ? List.of("open", address)
            : system.startsWith("windows")
                ? List.of("rundll32", "url.dll,FileProtocolHandler", address)
                : List.of("xdg-open", address);
    try {
      new ProcessBuilder(command)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .redirectError(ProcessBuilder.Redirect.DISCARD)
          .start();
    } catch (IOException e) {
      System.err.println("no browser could be opened: open the address yourself");
    }
  }
}
