package dev.sfumato.examples.springai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.web.server.LocalServerPort;

@SpringBootTest(
    webEnvironment = SpringBootTest.WebEnvironment.RANDOM_PORT,
    properties = "spring.ai.sfumato.image.steps=3")
class DrawingApplicationTest {
  private static final SamplingOptions FACE =
      SamplingOptions.defaults()
          .withText(TextOptions.of("a face with green hair").withGuidanceScale(3))
          .withSteps(3)
          .withSeed(7);

  private static DiffusionPipeline pipeline;

  @LocalServerPort private int port;
  @TempDir private Path folder;

  @BeforeAll
  static void load() {
    pipeline = DiffusionPipeline.load(Path.of("../../models/faces-sd"));
  }

  @AfterAll
  static void free() {
    pipeline.close();
  }

  private HttpResponse<byte[]> send(String path) {
    return send(HttpRequest.newBuilder(URI.create("http://localhost:" + port + path)).build());
  }

  private static HttpResponse<byte[]> send(HttpRequest request) {
    try {
      return HttpClient.newHttpClient().send(request, BodyHandlers.ofByteArray());
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] drawn(SamplingOptions options) {
    return Png.encode(pipeline.draw(options).get(0));
  }

  @Test
  void drawsForCallersAtOnce() {
    String path = "/draw?prompt=a+face+with+green+hair&seed=";
    CompletableFuture<HttpResponse<byte[]>> other =
        CompletableFuture.supplyAsync(() -> send(path + 8));
    HttpResponse<byte[]> answer = send(path + 7);
    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("image/png");
    assertThat(answer.headers().firstValue("Seed")).hasValue("7");
    assertThat(answer.body()).isEqualTo(drawn(FACE));
    assertThat(other.join().body()).isEqualTo(drawn(FACE.withSeed(8)));
  }

  private HttpResponse<byte[]> change(String parameters, byte[] picture) {
    URI change = URI.create("http://localhost:" + port + "/change?" + parameters);
    return send(
        HttpRequest.newBuilder(change)
            .header("Content-Type", "image/png")
            .POST(BodyPublishers.ofByteArray(picture))
            .build());
  }

  @Test
  void changesAPicture() throws IOException {
    byte[] start = drawn(FACE);
    HttpResponse<byte[]> answer = change("prompt=a+face+with+green+hair&seed=7", start);
    Path file = Files.write(folder.resolve("start.png"), start);
    assertThat(answer.body()).isEqualTo(drawn(FACE.withPicture(file, 0.9)));
  }

  @Test
  void refusesInOneLine() {
    HttpResponse<byte[]> answer = change("prompt=a+face", new byte[] {1, 2, 3});
    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(new String(answer.body(), StandardCharsets.UTF_8))
        .isEqualTo("picture: not a JPEG, PNG, GIF, BMP or WebP picture");
  }
}
