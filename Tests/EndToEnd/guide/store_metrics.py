# MetricCollector.store_data() 内部实现：
def store_data(self, data: str):
    # 创建 WorkerTrainingMetric 对象
    agent_xpu_metric = WorkerTrainingMetric(
        data_type=DiagnosisDataType.XPU_TIMER_METRIC,
        data_content=data,  # XPU 指标字符串
        node_id=get_node_id(),
        node_type=get_node_type(),
        node_rank=get_node_rank(),
    )
    
    # 通过 Master Client 上报
    if self._client:
        self._client.report_diagnosis_agent_metrics(agent_xpu_metric)
