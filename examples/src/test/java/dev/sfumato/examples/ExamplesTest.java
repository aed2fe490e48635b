package dev.sfumato.examples;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerKind;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each example runs as a program of its own, by {@code examples/run}, in some other folder. */
class ExamplesTest {
  private static final int SIDE = 32;

  @TempDir Path checkout;
  private Path folder;
  private Path model;

  /** Lays out a checkout of the scripts, and a folder outside it. */
  @BeforeEach
  void layOut() throws IOException {
    assumeTrue(Files.exists(Path.of("../sfumato")), "the launcher is not here");
    Files.copy(Path.of("../sfumato"), checkout.resolve("sfumato"));
    Files.createDirectories(checkout.resolve("cli/target"));
    Files.createFile(checkout.resolve("cli/target/built"));
    Path sources = Path.of("src/main/java/dev/sfumato/examples");
    Path copies = Files.createDirectories(checkout.resolve("examples").resolve(sources));
    for (String name :
        List.of(
            "HowItWorks",
            "Draw",
            "Steer",
            "Inpaint",
            "DrawingServer",
            "TrainAutoencoder",
            "WriteCaptioned")) {
      Files.copy(sources.resolve(name + ".java"), copies.resolve(name + ".java"));
    }
    Files.copy(Path.of("run"), checkout.resolve("examples/run"));
    folder = Files.createDirectory(checkout.resolve("elsewhere"));
    model = SmallModel.saved(checkout.resolve("model"), SIDE);
  }

  @Test
  void saysWhatAnExampleTakes() throws Exception {
    Process process = start("Draw");
    assertThat(process.waitFor()).isEqualTo(2);
    assertThat(Files.readString(folder.resolve("output"))).contains("Draw MODEL");
    assertThat(start("Drwa").waitFor()).isEqualTo(2);
    assertThat(Files.readString(folder.resolve("output"))).contains("Inpaint");
  }

  @Test
  void draws() throws Exception {
    run("Draw", model.toString());
    assertThat(read("drawn-4.png").getWidth()).isEqualTo(32);
    assertThat(pixels(read("drawn-1.png"))).isNotEqualTo(pixels(read("drawn-2.png")));
  }

  @Test
  void steers() throws Exception {
    run("Steer", model.toString());
    assertThat(share(read("colour.png"), 8)).isGreaterThan(share(read("plain.png"), 8));
    assertThat(brightness(read("own.png"), 16) - brightness(read("own.png"), 0))
        .isGreaterThan(brightness(read("plain.png"), 16) - brightness(read("plain.png"), 0));
  }

  /** The loops that are written out draw what the library draws. */
  @Test
  void showsHowItWorks() throws Exception {
    run("HowItWorks", model.toString());
    SamplingOptions options =
        SamplingOptions.defaults()
            .withSeed(7)
            .withSteps(50)
            .withScheduler(SchedulerKind.DDIM)
            .withSchedulerOption("timestep_spacing", "trailing")
            .withSchedulerOption("clip_sample", "true");
    BufferedImage last = Pictures.cut(read("drawn.png"), 20, 2).get(19); // twice as large
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      BufferedImage drawn = pipeline.draw(options).get(0);
      for (int i = 0; i < SIDE * SIDE; i++) {
        assertThat(last.getRGB(i % SIDE * 2, i / SIDE * 2))
            .isEqualTo(drawn.getRGB(i % SIDE, i / SIDE));
      }
    }
    assertThat(share(read("steered.png"), 8)).isGreaterThan(share(read("drawn.png"), 8));
    assertThat(read("noised.png").getWidth()).isEqualTo(read("drawn.png").getWidth());
    assertThat(Files.readString(folder.resolve("output"))).contains("step 10: timestep ");
  }

  @Test
  void inpaints() throws Exception {
    BufferedImage picture = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
    BufferedImage mask = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 32 * 32; i++) {
      picture.setRGB(i % 32, i / 32, 0x3060c0);
      mask.setRGB(i % 32, i / 32, i % 32 < 16 ? 0 : 0xffffff);
    }
    Png.write(folder.resolve("picture.png"), picture);
    Png.write(folder.resolve("mask.png"), mask);
    run("Inpaint", model.toString(), "picture.png", "mask.png");
    BufferedImage completed = read("completed.png");
    assertThat(completed.getRGB(3, 20) & 0xffffff).isEqualTo(0x3060c0);
    assertThat(pixels(completed)).isNotEqualTo(pixels(picture));
  }

  @Test
  void trainsAnAutoencoderAndGoesOn() throws Exception {
    Path data = Files.createDirectory(folder.resolve("data"));
    List<String> lines = new ArrayList<>();
    for (String caption : List.of("a", "b", "d")) { // "d" is held out
      Png.write(
          data.resolve(caption + ".png"), new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB));
      lines.add("{\"file_name\": \"%1$s.png\", \"text\": \"%1$s\"}".formatted(caption));
    }
    Files.write(data.resolve("metadata.jsonl"), lines);
    run("TrainAutoencoder", "vae", "1", data.toString());
    byte[] first = Files.readAllBytes(folder.resolve("vae/diffusion_pytorch_model.safetensors"));
    run("TrainAutoencoder", "vae", "2", data.toString());
    assertThat(Files.readString(folder.resolve("output"))).contains("PSNR");
    assertThat(Files.readString(folder.resolve("vae/config.json"))).contains("scaling_factor");
    assertThat(Files.readAllBytes(folder.resolve("vae/diffusion_pytorch_model.safetensors")))
        .isNotEqualTo(first);
  }

  @Test
  void writesCaptionedFoldersWithSomeCaptionsApart() throws Exception {
    Path data = Files.createDirectory(folder.resolve("data"));
    List<String> captions =
        IntStream.range(0, 40).mapToObj(i -> "a cartoon face with hair " + i + ", a hat").toList();
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < captions.size(); i++) {
      Png.write(data.resolve(i + ".png"), new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB));
      lines.add("{\"file_name\": \"%d.png\", \"text\": \"%s\"}".formatted(i, captions.get(i)));
    }
    Files.write(data.resolve("metadata.jsonl"), lines);
    run("WriteCaptioned", "captioned", "8", data.toString());
    String train = Files.readString(folder.resolve("captioned/train/metadata.jsonl"));
    String test = Files.readString(folder.resolve("captioned/test/metadata.jsonl"));
    long trained = captions.stream().filter(caption -> train.contains('"' + caption + '"')).count();
    long tested = captions.stream().filter(caption -> test.contains('"' + caption + '"')).count();
    assertThat(trained + tested).isEqualTo(captions.size());
    assertThat(tested).isAtLeast(1L);
    assertThat(train.lines().count()).isEqualTo(2 * trained); // each with a shorter caption, too
    assertThat(test.lines().count()).isEqualTo(tested);
    assertThat(read("captioned/train/00000-1.png").getWidth()).isEqualTo(8);
  }

  @Test
  void servesFourCallersAtOnce() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    Process server = start("DrawingServer", model.toString(), Integer.toString(port));
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      ask(port, 0);
      List<CompletableFuture<byte[]>> answers =
          IntStream.range(0, 4)
              .mapToObj(seed -> CompletableFuture.supplyAsync(() -> ask(port, seed)))
              .toList();
      for (int seed = 0; seed < 4; seed++) {
        SamplingOptions alone = SamplingOptions.defaults().withSeed(seed);
        assertThat(answers.get(seed).get()).isEqualTo(Png.encode(pipeline.draw(alone).get(0)));
      }
    } finally {
      server.destroy();
    }
  }

  /** Waits for the server to come up. */
  private static byte[] ask(int port, int seed) {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/" + seed)).build();
    for (int attempt = 0; ; attempt++) {
      try {
        return HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofByteArray())
            .body();
      } catch (ConnectException e) {
        if (attempt == 300) {
          throw new AssertionError("the server does not come up", e);
        }
        sleep();
      } catch (IOException | InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private static void sleep() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  // ---- a program

  private void run(String example, String... arguments) throws Exception {
    Process process = start(example, arguments);
    int status = process.waitFor();
    assertWithMessage(Files.readString(folder.resolve("output"))).that(status).isEqualTo(0);
  }

  private Process start(String example, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("sh", "../examples/run", example));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("SFUMATO_CLASSPATH", System.getProperty("java.class.path"));
    return builder
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("output").toFile())
        .start();
  }

  // ---- its pictures

  private BufferedImage read(String name) throws IOException {
    return ImageIO.read(folder.resolve(name).toFile());
  }

  private static int[] pixels(BufferedImage image) {
    return image.getRGB(0, 0, 32, 32, null, 0, 32);
  }

  /** The mean of the byte of each pixel that begins at bit {@code shift}. */
  private static double share(BufferedImage image, int shift) {
    return IntStream.of(pixels(image)).map(p -> p >> shift & 0xff).average().orElseThrow();
  }

  /** The mean of 16 columns. */
  private static double brightness(BufferedImage image, int from) {
    return IntStream.of(image.getRGB(from, 0, 16, 32, null, 0, 16))
        .map(p -> (p >> 16 & 0xff) + (p >> 8 & 0xff) + (p & 0xff))
        .average()
        .orElseThrow();
  }
}
