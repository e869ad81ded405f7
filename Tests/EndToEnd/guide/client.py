class MasterClient:
    def report_diagnosis_agent_metrics(self, data: WorkerTrainingMetric):
        """
        上报诊断数据到 Master。
        
        Args:
            data: WorkerTrainingMetric 对象，包含诊断数据
        """
        # 实现数据序列化和网络传输
        # 参考 dlrover 的实现：
        # message = comm.DiagnosisReportData(
        #     data.__class__.__name__,
        #     data.to_json(),
        #     data.node_rank,
        # )
        # self._report(message)
        pass
