package dev.sfumato.examples;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.sampling.SamplingOptions;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** Draws for four callers at once, http://localhost:PORT/SEED: DrawingServer MODEL PORT. */
public final class DrawingServer {
  private DrawingServer() {}

  /** Serves until the process ends. */
  public static void main(String[] args) throws IOException {
    DiffusionPipeline pipeline = DiffusionPipeline.load(args[0]);
    HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(args[1])), 0);
    server.createContext("/", exchange -> answer(pipeline, exchange));
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.start();
  }

  /** Any number of threads may draw from one pipeline. */
  static void answer(DiffusionPipeline pipeline, HttpExchange exchange) throws IOException {
    long seed = Long.parseLong(exchange.getRequestURI().getPath().substring(1));
    SamplingOptions options = SamplingOptions.defaults().withSeed(seed).withSteps(50);
    byte[] png = Png.encode(pipeline.draw(options).get(0));
    exchange.sendResponseHeaders(200, png.length);
    exchange.getResponseBody().write(png);
    exchange.close();
  }
}
